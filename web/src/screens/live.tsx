import { useEffect, useRef, useState } from "preact/hooks";
import { Failure, messageOf } from "../api/client";
import { gallery, may, stated } from "../api/session";
import { enrol } from "../api/calls";
import type { FaceRow, NewBasis } from "../api/types";
import { sendFrame } from "../api/live";
import { Cameras } from "../parts/cameras";
import { Command, searching } from "../parts/command";
import { Ask, NameForm } from "../parts/ask";
import { Icon, OutcomeIcon } from "../parts/icon";
import { type Box, nameOf, outcomeOf } from "../parts/photo";
import { snapshot, WIDTH } from "../parts/camera";
import { Empty } from "../parts/states";
import { fail, say, strictness } from "../state";
import { number, t } from "../words";

const DARK = 0.12; // mean brightness below which a camera sees too little
const STAYS = 3000; // ms without a face after which somebody has left

type Tracked = FaceRow & { track: number };
interface Event {
  id: number;
  at: Date;
  text: string;
}

/** The camera of this computer. Frames are looked at and forgotten; none is kept. */
export function Live() {
  const video = useRef<HTMLVideoElement>(null);
  const [stream, setStream] = useState<MediaStream | null>(null);
  const [trouble, setTrouble] = useState("");
  const [faces, setFaces] = useState<Tracked[]>([]);
  const [size, setSize] = useState<[number, number]>([480, 640]);
  const [light, setLight] = useState(1);
  const [latency, setLatency] = useState<number | null>(null);
  const [paused, setPaused] = useState(false);
  const [events, setEvents] = useState<Event[]>([]);
  const [still, setStill] = useState<{ photo: Blob; box: Box } | null>(null);
  const present = useRef(new Map<string, number>());
  const [known, setKnown] = useState<string[]>([]);
  const canvas = useRef(document.createElement("canvas"));

  const start = async () => {
    setTrouble("");
    try {
      setStream(await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: WIDTH }, height: { ideal: 480 } }, audio: false }));
    } catch (error) {
      setTrouble(t("live.refused", { why: messageOf(error) }));
    }
  };
  const stop = () => {
    for (const track of stream?.getTracks() ?? []) track.stop();
    setStream(null);
    setFaces([]);
  };
  useEffect(() => {
    if (video.current && stream) video.current.srcObject = stream;
    return () => {
      for (const track of stream?.getTracks() ?? []) track.stop();
    };
  }, [stream]);

  const tell = (text: string) => setEvents((all) => [{ id: (all[0]?.id ?? 0) + 1, at: new Date(), text }, ...all].slice(0, 200));
  const notice = (found: Tracked[]) => {
    const now = performance.now();
    for (const face of found) {
      const name = face.decision?.outcome === "match" ? face.decision.person : null;
      if (!name) continue;
      if (!present.current.has(name)) tell(t("live.entered", { name }));
      present.current.set(name, now);
    }
    for (const [name, seen] of present.current) {
      if (now - seen < STAYS) continue;
      present.current.delete(name);
      tell(t("live.left", { name }));
    }
    setKnown([...present.current.keys()]);
  };

  useEffect(() => {
    if (!stream || paused) return;
    const session = crypto.randomUUID();
    let running = true;
    const turn = async () => {
      while (running) {
        const photo = await snapshot(video.current, canvas.current);
        if (!photo) {
          await new Promise((done) => setTimeout(done, 50));
          continue;
        }
        const began = performance.now();
        try {
          const found = await sendFrame(photo, { session, gallery: gallery.value, rate: 1 / strictness.value, ...stated() });
          if (!running) return;
          setFaces(found.faces as Tracked[]);
          setSize(found.size as [number, number]);
          setLight(found.light);
          setLatency(performance.now() - began);
          notice(found.faces as Tracked[]);
        } catch (error) {
          if (!running) return;
          if (error instanceof Failure && error.status === 429) await new Promise((done) => setTimeout(done, 500));
          else {
            setTrouble(messageOf(error));
            setPaused(true);
            return;
          }
        }
      }
    };
    void turn();
    return () => {
      running = false;
    };
  }, [stream, paused, gallery.value, strictness.value]);

  return (
    <>
      <div class="head">
        <div>
          <h1>{t("live.title")}</h1>
          <p>{t("live.lead")}</p>
        </div>
        {stream && (
          <div class="actions">
            <button class="button" aria-pressed={paused} onClick={() => setPaused(!paused)}>
              <Icon name={paused ? "play" : "pause"} /> {paused ? t("live.go") : t("live.pause")}
            </button>
            <button class="button" onClick={stop}>
              <Icon name="close" /> {t("live.stop")}
            </button>
          </div>
        )}
      </div>
      {trouble && (
        <p class="notice error" role="alert">
          <OutcomeIcon of="error" /> {trouble}
        </p>
      )}
      {!stream ? (
        <Empty icon="camera" title={t("live.empty")} text={t("live.private")}>
          <button class="button first" onClick={() => void start()}>
            <Icon name="camera" /> {t("live.start")}
          </button>
        </Empty>
      ) : (
        <div class="split">
          <div class="cards">
            <div class="stage">
              <div class="sheet" style={{ width: "100%" }}>
                <video ref={video} autoPlay muted playsInline style={{ width: "100%" }} />
                <svg class="boxes" viewBox={`0 0 ${size[1]} ${size[0]}`} preserveAspectRatio="none" aria-hidden="true">
                  {faces.map((face) => {
                    const [left = 0, top = 0, right = 0, bottom = 0] = face.box;
                    return <rect key={face.track} class={outcomeOf(face)} x={left} y={top} width={right - left} height={bottom - top} rx={4} />;
                  })}
                </svg>
                <div class="labels">
                  {faces.map((face) => (
                    <span key={face.track} style={{ left: `${(100 * (face.box[0] ?? 0)) / size[1]}%`, top: `${(100 * (face.box[1] ?? 0)) / size[0]}%` }}>
                      {nameOf(face)}
                    </span>
                  ))}
                </div>
              </div>
            </div>
            <p class="small soft" {...(latency !== null ? { "data-latency": Math.round(latency) } : {})}>
              {latency !== null && t("live.latency", { n: Math.round(latency) })}
            </p>
            {light < DARK && (
              <p class="notice">
                <OutcomeIcon of="review" /> {t("live.dark", { n: number(light * 100) })}
              </p>
            )}
          </div>
          <div class="cards">
            <h2>{t("live.now", { n: faces.length })}</h2>
            <ul class="chips">
              {known.map((name) => (
                <li key={name} class="badge match">
                  <OutcomeIcon of="match" /> {name}
                </li>
              ))}
            </ul>
            {may("enrol") && faces.length === 1 && faces[0] && outcomeOf(faces[0]) !== "match" && (
              <button
                class="button"
                onClick={() => {
                  const box = faces[0]?.box as Box;
                  void snapshot(video.current, canvas.current, 1920).then((photo) => photo && setStill({ photo, box }));
                }}
              >
                <Icon name="add" /> {t("live.enrol")}
              </button>
            )}
            <h3>{t("live.events")}</h3>
            {events.length === 0 && <p class="small soft">{t("live.events.none")}</p>}
            <ol class="events" aria-live="polite">
              {events.map((one) => (
                <li key={one.id} class="small">
                  <time class="soft">{one.at.toLocaleTimeString()}</time> {one.text}
                </li>
              ))}
            </ol>
          </div>
        </div>
      )}
      {may("review") && <Cameras />}
      <Command line={`mien watch 0 ${searching()}`} />
      {still && (
        <Ask title={t("live.enrol")} onClose={() => setStill(null)}>
          <p>{t("live.consent")}</p>
          <NameForm
            label={t("identify.name")}
            action={t("identify.enrol")}
            onName={(name: string, basis?: NewBasis) =>
              void enrol({ name, photos: [new File([still.photo], "camera.jpg", { type: "image/jpeg" })], ...(basis ? { basis } : {}) }).then(
                (done) => {
                  const first = done.photos[0];
                  if (first?.outcome === "refused") say(first.detail ?? first.reason ?? "", "error");
                  else say(t("identify.enrolled", { name }));
                  setStill(null);
                },
                fail,
              )
            }
          />
        </Ask>
      )}
    </>
  );
}
