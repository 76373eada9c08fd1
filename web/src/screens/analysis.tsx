import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { analyse } from "../api/calls";
import { api, body, form, messageOf } from "../api/client";
import { gallery, may, stated } from "../api/session";
import { type Answer, isRead, pending } from "../api/types";
import { Drop } from "../parts/drop";
import { save } from "../parts/exports";
import { Icon } from "../parts/icon";
import { type Box, Cut, Photo } from "../parts/photo";
import { quoted } from "../parts/shell";
import { Empty, Show, Trouble, useLoad, Working } from "../parts/states";
import { AuFace } from "../parts/au_face";
import { Command } from "../parts/command";
import { Curves, mean } from "../parts/curves";
import { FaceMesh } from "../parts/face_mesh";
import { type Segment, Segments } from "../parts/segments";
import { fail, go, route } from "../state";
import { clock, coded, number, percent, t } from "../words";

/** What faces show: heads on photos, measures over time on films. */
export function Analysis() {
  const film = route.value[1] === "film" ? route.value[2] : undefined;
  return (
    <>
      <div class="head">
        <div>
          <h1>{t("analysis.title")}</h1>
          <p>{t("analysis.lead")}</p>
        </div>
      </div>
      {film ? <FilmReadings key={film} id={film} /> : <Choice />}
    </>
  );
}

function Choice() {
  return (
    <div class="sections">
      <Photos />
      {may("review") && <FilmList />}
    </div>
  );
}

function Photos() {
  const [models] = useLoad(() => body(api.GET("/v1/models", { params: { query: { kind: "chip-head" } } })), []);
  const [chosen, setChosen] = useState<string[] | null>(null);
  const [file, setFile] = useState<File | null>(null);
  const [answer, setAnswer] = useState<Answer | null>(null);
  const [trouble, setTrouble] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const heads = models.state === "done" ? models.value.filter((one) => one.fetched) : [];
  const asked = chosen ?? heads.filter((one) => one.default).map((one) => one.name);
  useEffect(() => {
    if (!file) return;
    let current = true;
    setBusy(true);
    setTrouble(null);
    analyse(file, asked.join(",") || "none")
      .then((found) => current && setAnswer(found), (error: unknown) => current && setTrouble(error))
      .finally(() => current && setBusy(false));
    return () => {
      current = false;
    };
  }, [file, asked.join(",")]);
  return (
    <section class="cards">
      <h2>{t("analysis.photo")}</h2>
      <div class="chips screen-only" role="group" aria-label={t("analysis.heads")}>
        {heads.map((one) => (
          <button key={one.name} class="chip" aria-pressed={asked.includes(one.name)} onClick={() => setChosen(asked.includes(one.name) ? asked.filter((each) => each !== one.name) : [...asked, one.name])}>
            {one.name}
          </button>
        ))}
      </div>
      {trouble !== null && <Trouble error={trouble} />}
      {busy && <Working label={t("loading")} />}
      {file && answer && isRead(answer) && (
        <div class="split">
          <Photo source={file} size={answer.size as [number, number]} faces={answer.faces} chosen={null} onChoose={() => {}} />
          <div class="cards">
            {answer.faces.length === 0 && <p class="soft">{coded("noface", answer.reason ?? "") ?? answer.reason}</p>}
            {answer.faces.map((face, place) => (
              <article key={place} class="card who">
                <div class="top">
                  <Cut source={file} size={answer.size as [number, number]} box={face.box as Box} label={t("face.found")} />
                  <div style={{ flex: 1 }}>
                    {face.readings.map((one) => (
                      <div key={one.model} class="cards" style={{ gap: "4px" }}>
                        <b>{coded("task", one.task) ?? one.task}</b>
                        <Values reading={one} />
                        <small class="soft">{one.model}</small>
                      </div>
                    ))}
                  </div>
                </div>
              </article>
            ))}
            <p class="small soft">{t("analysis.limits")}</p>
            <Command line={`mien analyze ${quoted(file.name)} --heads ${asked.join(",") || "none"} --out readings.csv`} />
          </div>
        </div>
      )}
      {answer && !isRead(answer) && <Trouble error={new Error(answer.error)} />}
      <Drop accept="image/*,.heic,.heif" icon="analysis" title={t("analysis.drop")} text={t("identify.private")} small={file !== null} onFiles={(files) => setFile(files[0] ?? null)} />
    </section>
  );
}

interface Reading {
  values: Record<string, number | null>;
  unit?: string;
  low?: Record<string, number | null>;
  high?: Record<string, number | null>;
}

function Values({ reading }: { reading: Reading }) {
  const shares = !reading.unit || reading.unit === "probability";
  const rows = Object.entries(reading.values)
    .filter((row): row is [string, number] => row[1] !== null)
    .sort((a, b) => b[1] - a[1]);
  return (
    <ul class="bars">
      {rows.slice(0, 8).map(([name, value]) => {
        const [low, high] = [reading.low?.[name], reading.high?.[name]];
        return (
          <li key={name}>
            <span>{name}</span>
            <b>
              {shares ? percent(value) : `${number(value, 1)} ${reading.unit}`}
              {low != null && high != null && <small class="soft"> {t("analysis.interval", { low: number(low, 1), high: number(high, 1) })}</small>}
            </b>
            {shares && (
              <span class="progress" aria-hidden="true">
                <i style={{ width: `${100 * value}%` }} />
              </span>
            )}
          </li>
        );
      })}
    </ul>
  );
}

function FilmList() {
  const [found, again] = useLoad(() => body(api.GET("/v1/films", { params: { query: { limit: 200 } } })), []);
  return (
    <section class="cards">
      <h2>{t("analysis.films")}</h2>
      <Show of={found} again={again}>
        {(page) =>
          page.items.length ? (
            <ul class="cards">
              {page.items.map((one) => (
                <li key={one.id} class="card actions">
                  <Icon name="films" />
                  <a href={`#/analysis/film/${one.id}`}>
                    <b>{one.name}</b>
                  </a>
                </li>
              ))}
            </ul>
          ) : (
            <Empty icon="films" title={t("analysis.nofilms")} text={t("analysis.nofilms.text")}>
              <button class="button" onClick={() => go("films")}>
                {t("nav.films")}
              </button>
            </Empty>
          )
        }
      </Show>
    </section>
  );
}

const NOTHING = Promise.resolve({ rows: 0, times: [] as number[], reasons: [] as string[], values: {} as Record<string, (number | null)[]> });
const FIRST = ["yaw", "AU12_r", "valence", "arousal"]; // shown unless others are chosen

function FilmReadings({ id }: { id: string }) {
  const path = { film: id };
  const [found, again] = useLoad(() => body(api.GET("/v1/films/{film}/readings", { params: { path } })), [id]);
  const [facts] = useLoad(() => body(api.GET("/v1/films/{film}", { params: { path } })), [id]);
  const job = found.state === "done" ? found.value.job : null;
  useEffect(() => {
    if (!pending(job)) return;
    const timer = setInterval(again, 700);
    return () => clearInterval(timer);
  }, [pending(job)]);
  const start = () =>
    void api
      .POST("/v1/films/{film}/readings", { params: { path }, body: { ...stated() } as never, bodySerializer: (fields: unknown) => form(fields as Record<string, unknown>) })
      .then(again, fail);
  return (
    <>
      <p class="screen-only">
        <a href="#/analysis">{t("analysis.back")}</a>
      </p>
      <Show of={found} again={again}>
        {(readings) => (
          <div class="cards">
            {pending(readings.job) && <Working label={t("analysis.running")} {...(readings.job?.progress ?? {})} since={Date.parse(readings.job?.made ?? "")} />}
            {readings.job?.error && <p class="notice error">{readings.job.error}</p>}
            {readings.people.length > 0 ? (
              <Plots key={readings.made} film={id} name={facts.state === "done" ? facts.value.name : ""} readings={readings} onMeasure={start} />
            ) : (
              !pending(readings.job) && (
                <Empty icon="analysis" title={readings.columns.length ? t("films.noface") : t("analysis.none")} text={t("analysis.limits")}>
                  <button class="button first" onClick={start}>
                    <Icon name="analysis" /> {t("analysis.start")}
                  </button>
                </Empty>
              )
            )}
          </div>
        )}
      </Show>
    </>
  );
}

/** The group of a column; the many columns of action units are shown by what they state. */
export function groupOf(column: { name: string; group: string }): string {
  const [, side, kind] = /^AU\d+_(?:r_(left|right)|([a-z]))$/.exec(column.name) ?? [];
  if (side) return "aus.sides";
  return kind ? `aus.${kind}` : column.group;
}

interface Readings {
  made: string | null;
  seconds: number | null;
  people: { who: string; first: number; last: number; frames: number; measured: number }[];
  columns: { name: string; unit: string; group: string; about: string; low: string | null; high: string | null }[];
  events: { who: string; kind: string; onset: number; apex: number; offset: number }[];
}

function Plots({ film, name, readings, onMeasure }: { film: string; name: string; readings: Readings; onMeasure: () => void }) {
  const names = new Set(readings.columns.map((one) => one.name));
  const [who, setWho] = useState(readings.people[0]?.who ?? "");
  const [chosen, setChosen] = useState(FIRST.filter((one) => names.has(one)));
  const [time, setTime] = useState(0);
  const [brushed, setBrushed] = useState<[number, number] | null>(null);
  const video = useRef<HTMLVideoElement>(null);
  const [mesh, setMesh] = useState(true);
  const [lacking, setLacking] = useState<unknown>(null); // why there are no points
  const [second, setSecond] = useState("");
  const [segments, setSegments] = useState<Segment[]>([]);
  const [relative, setRelative] = useState(false);
  const columns = readings.columns.filter((one) => chosen.includes(one.name));
  const units = readings.columns.flatMap((one) => (/^AU\d\d_r$/.test(one.name) ? [one.name] : []));
  const asked = columns.flatMap((one) => [one.name, one.low, one.high]).filter((one): one is string => one !== null);
  const [found] = useLoad(
    () => (asked.length ? body(api.GET("/v1/films/{film}/readings/series", { params: { path: { film }, query: { who, column: asked } } })) : NOTHING),
    [who, asked.join(",")],
  );
  const [other] = useLoad(
    () => (asked.length && second ? body(api.GET("/v1/films/{film}/readings/series", { params: { path: { film }, query: { who: second, column: asked } } })) : NOTHING),
    [second, asked.join(",")],
  );
  const [muscles] = useLoad(
    () => (units.length ? body(api.GET("/v1/films/{film}/readings/series", { params: { path: { film }, query: { who, column: units } } })) : NOTHING),
    [who, units.join(",")],
  );
  const base = relative ? segments[0] : undefined;
  const shift = (name: string, values: (number | null)[] | null) => {
    const zero = base?.values[name]?.length ? mean(base.values[name]) : 0;
    return values && values.map((one) => (one === null ? null : one - zero));
  };
  const keep = () => {
    if (!brushed || found.state !== "done") return;
    const { times, values } = found.value;
    const inside = (name: string) => (values[name] ?? []).filter((one, n): one is number => one !== null && (times[n] ?? 0) >= brushed[0] && (times[n] ?? 0) <= brushed[1]);
    const kept = Object.fromEntries(columns.map((one) => [one.name, inside(one.name)]));
    setSegments([...segments, { who, from: brushed[0], to: brushed[1], values: kept }].slice(-4));
    setBrushed(null);
  };
  const groups = useMemo(() => [...new Set(readings.columns.map(groupOf))], [readings]);
  const seek = (to: number) => {
    if (video.current) video.current.currentTime = to;
    setTime(to);
  };
  const person = readings.people.find((one) => one.who === who);
  return (
    <div class="split">
      <div class="cards">
        <div class="stage">
          <div class="sheet">
            <video ref={video} src={`/v1/films/${film}/file`} controls preload="metadata" onTimeUpdate={(event) => setTime(event.currentTarget.currentTime)} onSeeked={(event) => setTime(event.currentTarget.currentTime)} />
            {mesh && <FaceMesh film={film} who={who} video={video} onTrouble={setLacking} />}
          </div>
        </div>
        <label class="check">
          <input type="checkbox" checked={mesh} onChange={() => setMesh(!mesh)} /> {t("mesh.show")}
        </label>
        {mesh && lacking !== null && (
          <div class="notice quiet">
            <span>{messageOf(lacking)}</span>
            <button class="button tight" onClick={onMeasure}>
              {t("analysis.again")}
            </button>
          </div>
        )}
        {found.state === "failed" && <Trouble error={found.error} />}
        {found.state === "done" &&
          columns.map((one) => (
            <Curves
              key={one.name}
              column={one}
              times={found.value.times}
              reasons={found.value.reasons}
              values={shift(one.name, found.value.values[one.name] ?? []) ?? []}
              low={shift(one.name, one.low ? (found.value.values[one.low] ?? null) : null)}
              high={shift(one.name, one.high ? (found.value.values[one.high] ?? null) : null)}
              other={second && other.state === "done" ? { times: other.value.times, reasons: other.value.reasons, values: shift(one.name, other.value.values[one.name] ?? []) ?? [] } : null}
              events={readings.events.filter((each) => each.who === who)}
              seconds={readings.seconds ?? 1}
              time={time}
              brushed={brushed}
              onSeek={seek}
              onBrush={setBrushed}
            />
          ))}
        {found.state === "done" && found.value.rows > found.value.times.length && <p class="small soft">{t("analysis.thinned", { n: found.value.times.length, rows: found.value.rows })}</p>}
        <div class="actions">
          <button class="button tight" disabled={!brushed} onClick={keep}>
            {t("segments.keep")}
          </button>
          <label class="check">
            <input type="checkbox" disabled={!segments.length} checked={relative} onChange={() => setRelative(!relative)} /> {t("segments.baseline")}
          </label>
        </div>
        <Segments segments={segments} columns={columns.map((one) => one.name)} onRemove={(place) => setSegments(segments.filter((_, n) => n !== place))} />
        <Command line={`mien analyze ${quoted(name)} --gallery ${gallery.value}.mien --every 0.2 --out readings.parquet`} />
      </div>
      <div class="cards">
        {muscles.state === "done" && units.length > 0 && <AuFace values={at(muscles.value, time)} />}
        <label class="field">
          {t("analysis.person")}
          <select value={who} onChange={(event) => setWho(event.currentTarget.value)}>
            {readings.people.map((one) => (
              <option key={one.who} value={one.who}>
                {one.who}
              </option>
            ))}
          </select>
        </label>
        {readings.people.length > 1 && (
          <label class="field">
            {t("analysis.compare")}
            <select value={second} onChange={(event) => setSecond(event.currentTarget.value)}>
              <option value="">{t("analysis.nobody")}</option>
              {readings.people.filter((one) => one.who !== who).map((one) => (
                <option key={one.who} value={one.who}>
                  {one.who}
                </option>
              ))}
            </select>
          </label>
        )}
        <h3 class="print-only">{second ? `${who}, ${second}` : who}</h3>
        {person && (
          <p class="small soft">
            {t("analysis.facts", { measured: person.measured, frames: person.frames })} · {clock(person.first)} – {clock(person.last)}
          </p>
        )}
        <h3 class="screen-only">{t("analysis.signals")}</h3>
        {groups.map((group) => (
          <details key={group} class="screen-only" open={readings.columns.some((one) => groupOf(one) === group && chosen.includes(one.name))}>
            <summary>{coded("group", group) ?? group}</summary>
            <div class="chips" style={{ marginTop: "8px" }}>
              {readings.columns
                .filter((one) => groupOf(one) === group)
                .map((one) => (
                  <button key={one.name} class="chip" title={one.about} aria-pressed={chosen.includes(one.name)} onClick={() => setChosen(chosen.includes(one.name) ? chosen.filter((each) => each !== one.name) : [...chosen, one.name].slice(-10))}>
                    {one.name}
                  </button>
                ))}
            </div>
          </details>
        ))}
        <h3 class="screen-only">{t("analysis.take")}</h3>
        <div class="actions">
          <a class="button tight" href={`/v1/films/${film}/readings/table?form=parquet`} download>
            <Icon name="download" /> Parquet
          </a>
          <a class="button tight" href={`/v1/films/${film}/readings/table?form=csv`} download>
            <Icon name="download" /> CSV
          </a>
          <a class="button tight" href={`/v1/films/${film}/readings/table?form=elan`} download>
            <Icon name="download" /> ELAN
          </a>
          <button class="button tight" onClick={() => saveFigure()}>
            <Icon name="download" /> SVG
          </button>
        </div>
        <p class="small soft">{t("analysis.limits")}</p>
      </div>
    </div>
  );
}

/** The values of each column in the frame at a time. */
function at(series: { times: number[]; values: Record<string, (number | null)[]> }, time: number): Record<string, number | null> {
  const place = Math.max(0, series.times.findLastIndex((one) => one <= time + 0.02));
  return Object.fromEntries(Object.entries(series.values).map(([name, values]) => [name, values[place] ?? null]));
}

/** The plots as one SVG file, with the colours of the page in it. */
function saveFigure(): void {
  const plots = [...document.querySelectorAll<SVGSVGElement>("figure.curves svg")];
  let below = 0;
  const parts = plots.map((plot) => {
    const copy = plot.cloneNode(true) as SVGSVGElement;
    copy.querySelectorAll(".cursor, .brush").forEach((one) => one.remove());
    const originals = plot.querySelectorAll("*");
    copy.querySelectorAll<SVGElement>("*").forEach((one, place) => {
      const original = originals[place];
      if (!original) return;
      const look = getComputedStyle(original);
      for (const name of ["fill", "stroke", "opacity", "stroke-width", "font-size", "font-family"]) {
        one.setAttribute(name, look.getPropertyValue(name));
      }
    });
    const part = `<g transform="translate(0 ${below})">${copy.innerHTML}</g>`;
    below += plot.viewBox.baseVal.height + 12;
    return part;
  });
  const width = plots[0]?.viewBox.baseVal.width ?? 0;
  if (plots.length) save("figure.svg", "image/svg+xml", `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${below}" width="${width}" height="${below}">${parts.join("")}</svg>`);
}
