import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { api, body, form, upload } from "../api/client";
import { gallery, may, stated } from "../api/session";
import { type FilmAnswer, type FilmFacts, type NewBasis, pending } from "../api/types";
import { writing } from "../app";
import { Ask, NameForm } from "../parts/ask";
import { Copies } from "../parts/copies";
import { Drop } from "../parts/drop";
import { edlOf, filmXmpOf, save, vttOf, withinClip } from "../parts/exports";
import { type Hover, HoverFrame } from "../parts/hover_frame";
import { Command, searching } from "../parts/command";
import { Icon, OutcomeIcon } from "../parts/icon";
import { quoted } from "../parts/shell";
import { Empty, Show, Trouble, useLoad, Working } from "../parts/states";
import { Sure } from "../parts/sure";
import { Lane } from "../parts/lane";
import { fail, go, route, say, strictness } from "../state";
import { clock, moment, number, t } from "../words";

export function Films() {
  const id = route.value[1];
  return id ? <Film key={id} id={id} /> : <List />;
}

function List() {
  const [found, again] = useLoad(() => body(api.GET("/v1/films", { params: { query: { limit: 200 } } })), []);
  const [sent, setSent] = useState<{ name: string; done: number; total: number; since: number } | null>(null);
  const busy = found.state === "done" && found.value.items.some((one) => pending(one.job));
  useEffect(() => {
    if (!busy) return;
    const timer = setInterval(again, 1000);
    return () => clearInterval(timer);
  }, [busy]);
  const add = async (files: File[]) => {
    for (const file of files) {
      const since = Date.now();
      const fields = { film: file, gallery: gallery.value, rate: 1 / strictness.value, ...stated() };
      try {
        await upload("/v1/films", form(fields), (done, total) => setSent({ name: file.name, done, total, since }));
      } catch (error) {
        fail(error);
      }
      setSent(null);
      again();
    }
  };
  return (
    <>
      <div class="head">
        <div>
          <h1>{t("films.title")}</h1>
          <p>{t("films.lead")}</p>
        </div>
      </div>
      <div class="cards">
        {sent && <Working label={t("films.sending", { name: sent.name })} done={Math.round(sent.done / 1e6)} total={Math.max(1, Math.round(sent.total / 1e6))} since={sent.since} />}
        <Show of={found} again={again}>
          {(page) => (
            <ul class="cards">
              {page.items.map((film) => (
                <li key={film.id} class="card cards">
                  <div class="actions">
                    <Icon name="films" />
                    <a href={`#/films/${film.id}`}>
                      <b>{film.name}</b>
                    </a>
                    <span class="small soft">
                      {film.seconds != null && `${clock(film.seconds)} · `}
                      {film.people != null && `${t("films.people", { n: film.people })} · `}
                      {number(film.bytes / 1e6, 1)} MB · {moment(film.made)}
                    </span>
                  </div>
                  <JobState film={film} again={again} />
                </li>
              ))}
            </ul>
          )}
        </Show>
        <Drop accept="video/*,.mkv" icon="films" title={t("films.drop")} text={t("films.kept")} small={found.state === "done" && found.value.items.length > 0} onFiles={(files) => void add(files)} />
      </div>
    </>
  );
}

function JobState({ film, again }: { film: FilmFacts; again: () => void }) {
  const job = film.job;
  if (!job) return null;
  const act = (path: "/v1/jobs/{job}/cancel" | "/v1/jobs/{job}/resume") =>
    void api.POST(path, { params: { path: { job: job.id } } }).then(again, fail);
  if (pending(job)) {
    return (
      <div class="cards">
        <Working label={job.state === "queued" ? t("films.queued") : t("films.running")} {...(job.progress ?? {})} since={Date.parse(job.made)} />
        <div>
          <button class="button tight" onClick={() => act("/v1/jobs/{job}/cancel")}>
            <Icon name="close" /> {t("cancel")}
          </button>
        </div>
      </div>
    );
  }
  if (job.state === "done") return null;
  return (
    <div class={`notice ${job.state === "failed" ? "error" : ""}`}>
      <OutcomeIcon of={job.state === "failed" ? "error" : "unknown"} />
      <span>{job.error ?? t("films.cancelled")}</span>
      <button class="button tight" onClick={() => act("/v1/jobs/{job}/resume")}>
        {t("films.resume")}
      </button>
    </div>
  );
}

function Film({ id }: { id: string }) {
  const [facts, again] = useLoad(() => body(api.GET("/v1/films/{film}", { params: { path: { film: id } } })), [id]);
  const busy = facts.state === "done" && pending(facts.value.job);
  useEffect(() => {
    if (!busy) return;
    const timer = setInterval(again, 700);
    return () => clearInterval(timer);
  }, [busy]);
  return (
    <>
      <p class="screen-only">
        <a href="#/films">{t("films.back")}</a>
      </p>
      <Show of={facts} again={again}>
        {(film) => (
          <>
            <div class="head">
              <div>
                <h1>{film.name}</h1>
              </div>
              <div class="actions">
                <button
                  class="button"
                  disabled={busy}
                  onClick={() =>
                    void api
                      .POST("/v1/films/{film}/identify", { params: { path: { film: id } }, body: { rate: 1 / strictness.value, ...stated() } as never, bodySerializer: (fields: unknown) => form(fields as Record<string, unknown>) })
                      .then(again, fail)
                  }
                >
                  {t("identify.again")}
                </button>
                <Sure
                  onSure={() => void api.DELETE("/v1/films/{film}", { params: { path: { film: id } } }).then(() => go("films"), fail)}
                >
                  <Icon name="erase" /> {t("films.delete")}
                </Sure>
              </div>
            </div>
            <JobState film={film} again={again} />
            {!film.present && <Moved film={film} again={again} />}
            {film.people != null && <Answer key={id} film={film} again={again} />}
          </>
        )}
      </Show>
    </>
  );
}

/** The file of a film is gone: ask for it again. What was found in it is kept. */
function Moved({ film, again }: { film: FilmFacts; again: () => void }) {
  const send = async (files: File[]) => {
    try {
      const file = files[0];
      await api.PUT("/v1/films/{film}/file", { params: { path: { film: film.id } }, body: { file } as never, bodySerializer: () => form({ file }) });
      again();
    } catch (error) {
      fail(error);
    }
  };
  return (
    <div class="cards" style={{ marginBottom: "24px" }}>
      <p class="notice">
        <OutcomeIcon of="review" /> <span>{t("films.moved", { name: film.name, mb: number(film.bytes / 1e6, 1) })}</span>
      </p>
      <Drop accept="video/*,.mkv" icon="films" title={t("films.moved.drop", { name: film.name })} text="" small onFiles={(files) => void send(files)} />
    </div>
  );
}

type OnePerson = FilmAnswer["people"][number];

function Answer({ film, again }: { film: FilmFacts; again: () => void }) {
  const [found] = useLoad(() => body(api.GET("/v1/films/{film}/answer", { params: { path: { film: film.id } } })), [film.job?.ended]);
  // What was chosen on the timeline stays when a job ends, unless another answer came of it.
  const content = useMemo(() => JSON.stringify(found), [found]);
  if (found.state === "failed") return <Trouble error={found.error} />;
  if (found.state === "working") return <Working label={t("loading")} />;
  return <Timeline key={content} film={film} answer={found.value.answer} again={again} />;
}

function Timeline({ film, answer, again }: { film: FilmFacts; answer: FilmAnswer; again: () => void }) {
  const video = useRef<HTMLVideoElement>(null);
  const [time, setTime] = useState(Number(route.value[2]) || 0);
  const [clip, setClip] = useState<[number, number] | null>(null);
  const [naming, setNaming] = useState<number | null>(null);
  const [fails, setFails] = useState(false);
  const [hover, setHover] = useState<Hover | null>(null);
  const seconds = Math.max(answer.seconds, 0.1);
  const seek = (to: number) => {
    if (video.current) video.current.currentTime = to;
    setTime(to);
  };
  const starts = answer.appearances.map((one) => one.start).sort((a, b) => a - b);
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      const player = video.current;
      if (!player || writing(event) || event.ctrlKey || event.metaKey) return;
      const run: Record<string, () => void> = {
        j: () => seek(Math.max(0, player.currentTime - 5)),
        l: () => seek(Math.min(seconds, player.currentTime + 5)),
        k: () => void (player.paused ? player.play() : player.pause()),
        "]": () => seek(starts.find((one) => one > player.currentTime + 0.05) ?? player.currentTime),
        "[": () => seek(starts.findLast((one) => one < player.currentTime - 0.5) ?? 0),
      };
      run[event.key]?.();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  });
  const shown = clip ? withinClip(answer, clip) : answer;
  const here = answer.appearances.filter((one) => one.start <= time && time <= one.end).map((one) => nameOfLabel(one.label));
  return (
    <div class="cards">
      <div class="split">
        <div class="cards">
          <div class="stage">
            <video ref={video} src={`/v1/films/${film.id}/file`} controls preload="metadata" onLoadedMetadata={(event) => time && (event.currentTarget.currentTime = time)} onTimeUpdate={(event) => setTime(event.currentTarget.currentTime)} onError={() => setFails(true)} />
          </div>
          {fails && film.present && <p class="notice">{t("films.codec")}</p>}
          <p role="status">
            <b>{clock(time)}</b> · {here.length ? here.join(", ") : t("films.nobody")}
          </p>
          <p class="small soft wide-only screen-only">
            <kbd>J</kbd> <kbd>K</kbd> <kbd>L</kbd> {t("films.keys.play")} · <kbd>[</kbd> <kbd>]</kbd> {t("films.keys.jump")}
          </p>
        </div>
        <div class="cards">
          <h2>{t("films.who", { n: answer.people.length })}</h2>
          <ul class="cards">
            {answer.people.map((one, place) => (
              <li key={one.label} class="card top" style={{ display: "flex", gap: "12px", alignItems: "center" }}>
                <img class="face middle" src={`/v1/films/${film.id}/people/${place}/picture`} alt="" loading="lazy" />
                <div style={{ flex: 1, minWidth: 0 }}>
                  <b class="cut">{nameOfLabel(one.label)}</b>
                  <p class="small soft">
                    {badge(one)} {t("films.seconds", { s: number(one.seconds, 1) })}
                  </p>
                </div>
                <button class="button square tight" aria-label={t("films.best", { name: one.label })} onClick={() => seek(one.best)}>
                  <Icon name="play" />
                </button>
                {one.person === null && may("enrol") && (
                  <button class="button tight" onClick={() => setNaming(place)}>
                    {t("films.name")}
                  </button>
                )}
              </li>
            ))}
          </ul>
        </div>
      </div>
      <section class="card cards">
        <div class="actions">
          <h2>{t("films.timeline")}</h2>
          <span style={{ flex: 1 }} />
          {clip && (
            <button class="chip" onClick={() => setClip(null)}>
              {t("films.clip", { from: clock(clip[0]), to: clock(clip[1]) })} <Icon name="close" />
            </button>
          )}
          <button class="button tight" onClick={() => save(`${film.name}.edl`, "text/plain", edlOf(film.name, shown))}>
            <Icon name="download" /> EDL
          </button>
          <button class="button tight" onClick={() => save(`${film.name}.vtt`, "text/vtt", vttOf(shown))}>
            <Icon name="download" /> VTT
          </button>
          <button class="button tight" onClick={() => save(`${film.name}.xmp`, "application/rdf+xml", filmXmpOf(shown))}>
            <Icon name="download" /> XMP
          </button>
        </div>
        {answer.people.length ? (
          <div class="lanes">
            <HoverFrame film={film.id} at={hover} />
            {answer.people.map((one, place) => (
              <Lane
                key={one.label}
                label={nameOfLabel(one.label)}
                picture={`/v1/films/${film.id}/people/${place}/picture`}
                outcome={one.person ? "match" : one.decision?.outcome === "review" ? "review" : "unknown"}
                spans={answer.appearances.filter((each) => each.label === one.label).map((each) => [each.start, each.end])}
                cuts={answer.cuts}
                seconds={seconds}
                time={time}
                clip={clip}
                onSeek={seek}
                onClip={setClip}
                onHover={setHover}
              />
            ))}
          </div>
        ) : (
          <Empty icon="films" title={t("films.noface")} text={answer.reason ?? ""} />
        )}
        {!answer.complete && <p class="notice">{t("films.incomplete")}</p>}
      </section>
      <Command line={`mien identify ${quoted(film.name)} ${searching(film.gallery)}`} />
      {answer.people.length > 0 && <Copies film={film.id} names={answer.people.flatMap((one) => one.person ?? [])} clip={clip} />}
      {naming !== null && (
        <Ask title={t("films.name.title")} onClose={() => setNaming(null)}>
          <img class="face" style={{ width: "120px", height: "120px" }} src={`/v1/films/${film.id}/people/${naming}/picture`} alt="" />
          <NameForm
            label={t("identify.name")}
            action={t("films.name.everywhere")}
            onName={(name: string, basis?: NewBasis) =>
              void api
                .POST("/v1/films/{film}/people/{number}/name", { params: { path: { film: film.id, number: naming } }, body: { name, everywhere: true, ...(basis ? { basis } : {}) } })
                .then(
                  () => {
                    say(t("films.named", { name }));
                    setNaming(null);
                    again();
                  },
                  fail,
                )
            }
          />
          <p class="small soft">{t("films.name.text")}</p>
        </Ask>
      )}
    </div>
  );
}

function nameOfLabel(label: string): string {
  const unknown = /^unknown-(\d+)$/.exec(label);
  return unknown ? t("films.unknown", { n: Number(unknown[1]) }) : label;
}

function badge(one: OnePerson): string {
  const likely = one.decision?.candidates?.[0]?.person;
  if (one.decision?.outcome === "review" && likely) return `${t("face.perhaps", { name: likely })} ·`;
  return "";
}
