// How often searches fail on the people of this gallery, and the worst cases with pictures.
import { useRef, useState } from "preact/hooks";
import { templatePicture } from "../api/calls";
import { api, body } from "../api/client";
import { gallery } from "../api/session";
import type { GroupShare } from "../api/types";
import { fail, say, strictness } from "../state";
import { coded, number, percent, t } from "../words";
import { Icon } from "./icon";
import { labelsOf } from "./labels";
import { Empty, Show, useLoad } from "./states";
import { Command } from "./command";
import { curl } from "./shell";

export function OwnErrors() {
  const [labels, setLabels] = useState<Record<string, string> | null>(null);
  const path = { gallery: gallery.value };
  const rate = 1 / strictness.value;
  const [found, again] = useLoad(
    () =>
      body(
        labels
          ? api.POST("/v1/galleries/{gallery}/errors", { params: { path }, body: { rate, labels } })
          : api.GET("/v1/galleries/{gallery}/errors", { params: { path, query: { rate } } }),
      ),
    [gallery.value, strictness.value, labels],
  );
  return (
    <section class="cards">
      <h2>{t("own.title")}</h2>
      <p class="soft">{t("own.text")}</p>
      <Show of={found} again={again}>
        {(value) =>
          value.missed.searches === 0 ? (
            <Empty icon="people" title={t("own.none")} text={t("own.none.text")} />
          ) : (
            <>
              <div class="tiles">
                <Tile of={value.missed} label={t("own.missed")} />
                <Tile of={value.named} label={t("own.named", { n: strictness.value })} />
              </div>
              {value.left_out > 0 && <p class="notice">{t("own.part", { n: value.templates, left: value.left_out })}</p>}
              <Groups of={value.groups} labels={labels} onLabels={setLabels} />
              <h3>{t("own.worst", { n: value.worst.length })}</h3>
              <ul class="grid" style={{ gridTemplateColumns: "repeat(auto-fill, minmax(220px, 1fr))" }}>
                {value.worst.map((one) => (
                  <li key={`${one.kind}${one.template}`} class="card cards">
                    <div class="pair">
                      <Template person={one.person} template={one.template} name={one.name} />
                      <Template person={one.other_person} template={one.other_template} name={one.other_name} />
                    </div>
                    <p class="small">
                      {t(one.kind === "missed" ? (one.error ? "own.was.missed" : "own.near.missed") : one.error ? "own.was.named" : "own.near.named", { name: one.name, other: one.other_name })}
                      {one.one_in != null && <span class="soft"> {t("similar.rare", { n: number(one.one_in) })}</span>}
                    </p>
                  </li>
                ))}
              </ul>
              <Command line={curl(`/v1/galleries/${gallery.value}/errors?rate=${value.rate}`)} />
            </>
          )
        }
      </Show>
    </section>
  );
}

/** Both kinds of errors by group of photos, and by groups of people that the reader names in a table. */
function Groups({ of, labels, onLabels }: { of: GroupShare[]; labels: Record<string, string> | null; onLabels: (labels: Record<string, string> | null) => void }) {
  const input = useRef<HTMLInputElement>(null);
  const rows = new Map<string, { name: string; missed?: GroupShare; named?: GroupShare }>();
  for (const one of of) {
    const key = one.by + one.group;
    const name = one.by === "year" ? t("own.year", { year: one.group }) : one.by === "quality" ? (coded("own.quality", one.group) ?? one.group) : one.group;
    rows.set(key, { ...(rows.get(key) ?? { name }), [one.kind]: one });
  }
  const read = async (file: File) => {
    const given = labelsOf(await file.text());
    if (Object.keys(given).length) onLabels(given);
    else say(t("own.labels.none"), "error");
  };
  return (
    <>
      <h3>{t("own.groups")}</h3>
      <ErrorTable of={t("own.group")} rows={[...rows].map(([key, row]) => ({ key, ...row }))} />
      <div class="actions">
        <button class="button" onClick={() => input.current?.click()}>
          <Icon name="upload" /> {t("own.labels")}
        </button>
        {labels && (
          <button class="button" onClick={() => onLabels(null)}>
            <Icon name="close" /> {t("own.labels.off")}
          </button>
        )}
        <span class="small soft screen-only">{t("own.labels.text")}</span>
        <input
          ref={input}
          type="file"
          accept=".csv,.tsv,.txt"
          hidden
          aria-label={t("own.labels")}
          onChange={(event) => {
            const [file] = event.currentTarget.files ?? [];
            event.currentTarget.value = "";
            if (file) void read(file).catch(fail);
          }}
        />
      </div>
    </>
  );
}

interface Share {
  searches: number;
  errors: number;
  low: number | null;
  high: number | null;
}

type Row = { key: string; name: string; missed?: Share; named?: Share };

/** Both error rates of groups or models, a line each. */
export function ErrorTable({ of, rows }: { of: string; rows: Row[] }) {
  return (
    <div class="scroll" tabIndex={0}>
      <table>
        <thead>
          <tr>
            <th>{of}</th>
            <th class="n">{t("own.missed")}</th>
            <th class="n">{t("trust.interval")}</th>
            <th class="n">{t("own.wrong")}</th>
            <th class="n">{t("trust.interval")}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ key, name, missed, named }) => (
            <tr key={key}>
              <th>{name}</th>
              {[missed, named].map((one) => (
                <>
                  <td class="n">{one && t("own.of", { n: number(one.errors), all: number(one.searches) })}</td>
                  <td class="n">{one && interval(one)}</td>
                </>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const interval = (of: Share) => (of.low == null || of.high == null ? "" : `${percent(of.low)} – ${percent(of.high)}`);

function Tile({ of, label }: { of: Share; label: string }) {
  return (
    <div class="tile">
      <b>{t("own.of", { n: number(of.errors), all: number(of.searches) })}</b> {label} <small>{t("own.interval", { range: interval(of) })}</small>
    </div>
  );
}

export function Template({ person, template, name }: { person: number; template: number; name: string }) {
  const [gone, setGone] = useState(false);
  return (
    <figure>
      {gone ? (
        <div class="face big initial" aria-hidden="true">
          {name.slice(0, 1).toLocaleUpperCase()}
        </div>
      ) : (
        <img class="face big" src={templatePicture(gallery.value, person, template)} alt="" loading="lazy" onError={() => setGone(true)} />
      )}
      <figcaption>
        <a href={`#/people/${person}`}>{name}</a>
      </figcaption>
    </figure>
  );
}
