// The muscles of the face as action units, as strong as at the cursor.
import { number, t } from "../words";

// Action unit -> paths on a face of 200 x 240; the left half is mirrored to the right.
const MUSCLES: Record<string, string> = {
  AU01: "M78 62q10-10 20-6l-2 8q-9-3-15 4z",
  AU02: "M48 66q8-12 20-11l0 8q-9 0-15 8z",
  AU04: "M84 74q8-2 14 4l-3 6q-6-5-12-4z",
  AU05: "M56 88q14-10 28 0l-2 4q-12-7-24 0z",
  AU06: "M42 104q10 12 30 10l-2 9q-22 2-32-13z",
  AU07: "M56 104q14 8 28 0l-1 5q-13 6-26 0z",
  AU09: "M88 104q8 4 10 14l-6 6q-3-10-8-14z",
  AU10: "M76 146q4-16 12-18l4 6q-8 4-10 14z",
  AU12: "M70 168Q54 156 48 136l7-3q6 18 20 28z",
  AU14: "M62 164a7 7 0 1 0 12 4z",
  AU15: "M70 178Q64 190 62 202l8 1q2-12 8-20z",
  AU17: "M86 204q7-8 14-8v12q-7 0-10 4z",
  AU20: "M66 176q-12 2-22-2l1-7q10 3 20 2z",
  AU23: "M78 172q10-8 22-7v5q-11-1-19 6z",
  AU25: "M78 178q10 6 22 6v5q-13 0-24-7z",
  AU26: "M74 210q12 14 26 15v6q-17-1-31-16z",
};
const STRONGEST = 5; // of the FACS scale

export function AuFace({ values }: { values: Record<string, number | null> }) {
  const strong = Object.entries(values).flatMap(([name, value]) => {
    const unit = /^AU\d\d/.exec(name)?.[0] ?? "";
    return MUSCLES[unit] && value !== null ? [[unit, value] as const] : [];
  });
  const said = strong.filter(([, value]) => value >= 0.5).map(([unit, value]) => `${unit} ${number(value, 1)}`);
  const half = strong.map(([unit, value]) => (
    <path key={unit} class="muscle" d={MUSCLES[unit]} style={{ opacity: Math.min(1, Math.max(0, value / STRONGEST)) }}>
      <title>
        {unit} {number(value, 1)}
      </title>
    </path>
  ));
  return (
    <figure class="aus card">
      <svg viewBox="0 0 200 240" role="img" aria-label={t("aus.says", { units: said.join(", ") || t("aus.none") })}>
        <path class="outline" d="M100 12C52 12 30 48 32 100c1 52 30 130 68 130s67-78 68-130C170 48 148 12 100 12zM56 96q14-12 28 0-14 10-28 0zM116 96q14-12 28 0-14 10-28 0zM94 100l-6 34q12 8 24 0l-6-34M76 174q24 12 48 0" />
        <g>{half}</g>
        <g transform="translate(200 0) scale(-1 1)">{half}</g>
      </svg>
      <figcaption class="small soft">{said.join(" · ") || t("aus.none")}</figcaption>
    </figure>
  );
}
