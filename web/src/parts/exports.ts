// Files that a person takes away: names for photo programs, tables for everything else.
import { type Answer, type FilmAnswer, type ImageAnswer, isRead } from "../api/types";

/** Offer a text as a file. */
export function save(name: string, type: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = Object.assign(document.createElement("a"), { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

const quote = (value: unknown) => {
  const text = value === null || value === undefined ? "" : String(value);
  // A leading = + - @ makes spreadsheets run a formula: names come from strangers.
  const safe = /^[=+\-@\t\r]/.test(text) && Number.isNaN(Number(text)) ? `'${text}` : text;
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
};

/** One row per face; a photo without a face has one row with the reason. */
export function csvOf(answers: [string, Answer | undefined][]): string {
  const head = ["image", "face", "left", "top", "right", "bottom", "outcome", "person", "candidate", "score", "threshold", "probability", "reason"];
  const rows = answers.flatMap(([name, answer]): unknown[][] => {
    if (!answer) return [];
    if (!isRead(answer)) return [[name, "", "", "", "", "", "error", "", "", "", "", "", answer.error]];
    if (!answer.faces.length) return [[name, "", "", "", "", "", "none", "", "", "", "", "", answer.reason]];
    return answer.faces.map((face, number) => {
      const found = face.decision;
      return [name, number + 1, ...face.box, found?.outcome, found?.person, found?.candidates?.[0]?.person, found?.score, found?.threshold, found?.probability, found?.reason];
    });
  });
  return [head, ...rows].map((row) => row.map(quote).join(",")).join("\r\n") + "\r\n";
}

const escape = (text: string) =>
  text.replace(/[<>&"']/g, (sign) => `&#${sign.charCodeAt(0)};`);

/** Face regions of the Metadata Working Group, as a sidecar; only matches have a name. */
export function xmpOf(answer: ImageAnswer): string {
  const [height = 1, width = 1] = answer.size;
  const regions = answer.faces.map((face) => {
    const [left = 0, top = 0, right = 0, bottom = 0] = face.box;
    const part = (value: number) => value.toFixed(6);
    const name = face.decision?.outcome === "match" ? face.decision.person : null;
    const area = `stArea:x="${part((left + right) / 2 / width)}" stArea:y="${part((top + bottom) / 2 / height)}" stArea:w="${part((right - left) / width)}" stArea:h="${part((bottom - top) / height)}" stArea:unit="normalized"`;
    return `<rdf:li><rdf:Description mwg-rs:Type="Face"${name ? ` mwg-rs:Name="${escape(name)}"` : ""}><mwg-rs:Area ${area}/></rdf:Description></rdf:li>`;
  });
  return `<?xpacket begin="\uFEFF" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""
 xmlns:mwg-rs="http://www.metadataworkinggroup.com/schemas/regions/" xmlns:stDim="http://ns.adobe.com/xap/1.0/sType/Dimensions#" xmlns:stArea="http://ns.adobe.com/xmp/sType/Area#">
<mwg-rs:Regions rdf:parseType="Resource"><mwg-rs:AppliedToDimensions stDim:w="${width}" stDim:h="${height}" stDim:unit="pixel"/>
<mwg-rs:RegionList><rdf:Bag>${regions.join("")}</rdf:Bag></mwg-rs:RegionList></mwg-rs:Regions>
</rdf:Description></rdf:RDF></x:xmpmeta>
<?xpacket end="w"?>
`;
}

const two = (value: number) => String(value).padStart(2, "0");

/** hh:mm:ss.mmm, or hh:mm:ss:ff at 25 frames a second for edit lists. */
function stamp(seconds: number, frames = false): string {
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, Math.floor(seconds) % 60].map(two);
  const rest = seconds % 1;
  return parts.join(":") + (frames ? `:${two(Math.floor(rest * 25))}` : `.${String(Math.floor(rest * 1000)).padStart(3, "0")}`);
}

/** An edit decision list (CMX 3600) of the appearances. */
export function edlOf(title: string, answer: FilmAnswer): string {
  let at = 0;
  const lines = answer.appearances.flatMap((one, number) => {
    const [start, end] = [at, at + one.end - one.start];
    at = end;
    const event = String(number + 1).padStart(3, "0");
    return [
      `${event}  AX       V     C        ${stamp(one.start, true)} ${stamp(one.end, true)} ${stamp(start, true)} ${stamp(end, true)}`,
      `* FROM CLIP NAME: ${one.label.replace(/[\r\n]/g, " ")}`,
    ];
  });
  return [`TITLE: ${title.replace(/[\r\n]/g, " ")}`, "FCM: NON-DROP FRAME", ...lines, ""].join("\r\n");
}

const TICKS = 1000; // of the times in XMP, per second

/** Markers of the appearances as XMP (Dynamic Media), for editors and media managers. */
export function filmXmpOf(answer: FilmAnswer): string {
  const markers = answer.appearances.map(
    (one) =>
      `<rdf:li><rdf:Description xmpDM:startTime="${Math.round(one.start * TICKS)}" xmpDM:duration="${Math.round((one.end - one.start) * TICKS)}" xmpDM:name="${escape(one.label)}"/></rdf:li>`,
  );
  return `<?xpacket begin="\uFEFF" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""
 xmlns:xmpDM="http://ns.adobe.com/xmp/1.0/DynamicMedia/">
<xmpDM:Tracks><rdf:Bag><rdf:li><rdf:Description xmpDM:trackName="People" xmpDM:trackType="Person" xmpDM:frameRate="f${TICKS}">
<xmpDM:markers><rdf:Seq>${markers.join("")}</rdf:Seq></xmpDM:markers></rdf:Description></rdf:li></rdf:Bag></xmpDM:Tracks>
</rdf:Description></rdf:RDF></x:xmpmeta>
<?xpacket end="w"?>
`;
}

/** The part of an answer that lies within a clip, with times from its start. */
export function withinClip(answer: FilmAnswer, [from, to]: [number, number]): FilmAnswer {
  const inside = answer.appearances.filter((one) => one.start < to && one.end > from);
  return { ...answer, appearances: inside.map((one) => ({ ...one, start: Math.max(one.start, from), end: Math.min(one.end, to) })) };
}

/** Captions that name who is on screen. */
export function vttOf(answer: FilmAnswer): string {
  const cues = answer.appearances.map((one) => `${stamp(one.start)} --> ${stamp(one.end)}\n${one.label.replace(/-->|[\r\n]/g, " ").replaceAll("&", "&amp;").replaceAll("<", "&lt;")}\n`);
  return ["WEBVTT\n", ...cues].join("\n");
}
