// Copies of a film: blurred, with a preview before it is written, or a clip.
import { useEffect, useState } from "preact/hooks";
import { api, body } from "../api/client";
import { pending } from "../api/types";
import { fail } from "../state";
import { clock, number, t } from "../words";
import { Icon } from "./icon";
import { Show, useLoad, Working } from "./states";

interface Props {
  film: string;
  names: string[]; // of known people in it
  clip: [number, number] | null; // s
}

export function Copies({ film, names, clip }: Props) {
  const path = { film };
  const [found, again] = useLoad(() => body(api.GET("/v1/films/{film}/copies", { params: { path } })), [film]);
  const [who, setWho] = useState<"all" | "unknown" | string[]>("unknown");
  const [seen, setSeen] = useState<string | null>(null); // what the preview was made for
  const job = found.state === "done" ? found.value.job : null;
  const busy = pending(job);
  useEffect(() => {
    if (!busy) return;
    const timer = setInterval(again, 700);
    return () => clearInterval(timer);
  }, [busy]);
  const ask = (kind: "preview" | "blurred" | "clip") => {
    const span = kind === "clip" && clip ? { start: clip[0], end: clip[1] } : { start: 0, end: 0 };
    void api.POST("/v1/films/{film}/copies", { params: { path }, body: { kind, who, ...span } }).then(() => {
      if (kind === "preview") setSeen(JSON.stringify(who));
      again();
    }, fail);
  };
  const choose = (name: string) => {
    const chosen = Array.isArray(who) ? who : [];
    const next = chosen.includes(name) ? chosen.filter((one) => one !== name) : [...chosen, name];
    setWho(next.length ? next : "unknown");
  };
  const ready = seen === JSON.stringify(who) && !busy;
  return (
    <section class="card cards screen-only">
      <h2>{t("copies.title")}</h2>
      <p class="small soft">{t("copies.text")}</p>
      <div class="chips" role="group" aria-label={t("copies.who")}>
        {(["unknown", "all"] as const).map((one) => (
          <button key={one} class="chip" aria-pressed={who === one} onClick={() => setWho(one)}>
            {t(`copies.${one}`)}
          </button>
        ))}
        {names.map((name) => (
          <button key={name} class="chip" aria-pressed={Array.isArray(who) && who.includes(name)} onClick={() => choose(name)}>
            {t("copies.only", { name })}
          </button>
        ))}
      </div>
      <div class="actions">
        <button class="button" disabled={busy} onClick={() => ask("preview")}>
          <Icon name="hide" /> {t("copies.preview")}
        </button>
        <button class="button" disabled={!ready} title={ready ? "" : t("copies.first")} onClick={() => ask("blurred")}>
          {t("copies.write")}
        </button>
        {clip && (
          <button class="button" disabled={busy} onClick={() => ask("clip")}>
            {t("copies.clip", { from: clock(clip[0]), to: clock(clip[1]) })}
          </button>
        )}
      </div>
      {busy && <Working label={t("copies.running")} {...(job?.progress ?? {})} since={Date.parse(job?.made ?? "")} />}
      {job?.error && <p class="notice error">{job.error}</p>}
      <Show of={found} again={again}>
        {({ items }) => (
          <>
            <ul class="grid" aria-label={t("copies.previews")} style={{ gridTemplateColumns: "repeat(auto-fill, minmax(200px, 1fr))" }}>
              {ready &&
                items
                  .filter((one) => one.name.startsWith("preview"))
                  .map((one) => (
                    <li key={one.name}>
                      <img class="wide" src={`/v1/films/${film}/copies/${one.name}?${job?.id ?? ""}`} alt={t("copies.frame")} />
                    </li>
                  ))}
            </ul>
            <ul class="cards">
              {items
                .filter((one) => one.name.endsWith(".mp4"))
                .map((one) => (
                  <li key={one.name} class="actions">
                    <Icon name="download" />
                    <a href={`/v1/films/${film}/copies/${one.name}`} download={one.name}>
                      {one.name}
                    </a>
                    <span class="small soft">{number(one.bytes / 1e6, 1)} MB</span>
                  </li>
                ))}
            </ul>
          </>
        )}
      </Show>
    </section>
  );
}
