// Another embedder beside the present one: prepared, tried, compared, switched to, and rolled back.
import { useState } from "preact/hooks";
import { embedPhotos } from "../api/calls";
import { api, body } from "../api/client";
import { gallery, may } from "../api/session";
import type { ModelChange, ModelErrors, GalleryModel } from "../api/types";
import { fail, say, strictness } from "../state";
import { coded, moment, number, percent, t } from "../words";
import { Command } from "./command";
import { Drop } from "./drop";
import { Icon } from "./icon";
import { ErrorTable, Template } from "./own_errors";
import { curl } from "./shell";
import { Show, useLoad, Working } from "./states";
import { Sure } from "./sure";

const nameOf = (one: { card: string | null; model?: string; other?: string }) => one.card ?? one.model ?? one.other ?? "";

export function CompareModels() {
  const path = { gallery: gallery.value };
  const [found, again] = useLoad(() => body(api.GET("/v1/galleries/{gallery}/model", { params: { path } })), [gallery.value]);
  return (
    <section class="cards">
      <h2>{t("compare.title")}</h2>
      <p class="soft">{t("compare.text")}</p>
      <Show of={found} again={again}>
        {(facts) =>
          facts.change ? (
            <>
              <Change facts={facts} change={facts.change} again={again} />
              <Live facts={facts} change={facts.change} />
              {facts.change.embedded > 0 && <Errors key={`${facts.model}/${facts.change.embedded}`} />}
            </>
          ) : (
            <Begin facts={facts} again={again} />
          )
        }
      </Show>
    </section>
  );
}

function Begin({ facts, again }: { facts: GalleryModel; again: () => void }) {
  const others = facts.choices.filter((one) => one !== facts.card);
  const [chosen, setChosen] = useState("");
  const embedder = chosen || (others[0] ?? "");
  const begin = () => void body(api.POST("/v1/galleries/{gallery}/model", { params: { path: { gallery: gallery.value } }, body: { embedder } })).then(again, fail);
  return (
    <>
      <p>{t("compare.none", { model: nameOf(facts) })}</p>
      {may("admin") &&
        (others.length ? (
          <div class="actions">
            <label class="field">
              {t("compare.choose")}
              <select value={embedder} onChange={(event) => setChosen(event.currentTarget.value)}>
                {others.map((one) => (
                  <option key={one}>{one}</option>
                ))}
              </select>
            </label>
            <button class="button" style={{ alignSelf: "end" }} onClick={begin}>
              <Icon name="add" /> {t("compare.begin")}
            </button>
          </div>
        ) : (
          <p class="small soft">{t("compare.nochoice")}</p>
        ))}
    </>
  );
}

function Change({ facts, change, again }: { facts: GalleryModel; change: ModelChange; again: () => void }) {
  const [sent, setSent] = useState<{ done: number; total: number } | null>(null);
  const params = { params: { path: { gallery: gallery.value } } };
  const names = { present: nameOf(facts), other: nameOf(change) };
  const left = change.templates - change.embedded;
  const send = async (files: File[]) => {
    const before = change.embedded;
    let now = before;
    try {
      setSent({ done: 0, total: files.length });
      for (let at = 0; at < files.length; at += 8) {
        now = (await embedPhotos(files.slice(at, at + 8))).change.embedded;
        setSent({ done: Math.min(at + 8, files.length), total: files.length });
      }
      if (now === before) say(t("compare.sent.none"), "info");
      else say(t("compare.sent", { n: now - before }));
    } catch (error) {
      fail(error);
    } finally {
      setSent(null);
      again();
    }
  };
  const did = (words: string) => () => {
    say(words);
    again();
  };
  return (
    <>
      <p>{change.switched ? t("compare.switched", names) : t("compare.beside", names)}</p>
      <p>{t("compare.ready", { n: change.embedded, all: change.templates })}</p>
      {may("admin") && left > 0 && (
        <>
          <Drop accept="image/*,.heic,.heif" icon="upload" small title={t("compare.photos")} text={t("compare.photos.text")} onFiles={(files) => void send(files)} />
          {change.photos.length > 0 && (
            <details>
              <summary>{t("compare.photos.which", { n: left })}</summary>
              <p class="small">{change.photos.join(", ")}</p>
            </details>
          )}
        </>
      )}
      {sent && <Working label={t("compare.sending")} {...sent} />}
      {may("admin") && (
        <div class="actions">
          {!change.switched && (
            <button
              class="button"
              aria-pressed={change.trial}
              onClick={() => void body(api.PUT("/v1/galleries/{gallery}/model/trial", { ...params, body: { on: !change.trial } })).then(did(t(change.trial ? "compare.try.stopped" : "compare.try.started")), fail)}
            >
              <Icon name="play" /> {t(change.trial ? "compare.try.stop" : "compare.try")}
            </button>
          )}
          {change.switched ? (
            <button class="button" disabled={left > 0} onClick={() => void body(api.POST("/v1/galleries/{gallery}/model/rollback", params)).then(did(t("compare.rolled", names)), fail)}>
              <Icon name="undo" /> {t("compare.rollback")}
            </button>
          ) : (
            <button class="button first" disabled={left > 0} onClick={() => void body(api.POST("/v1/galleries/{gallery}/model/switch", params)).then(did(t("compare.done", names)), fail)}>
              <Icon name="check" /> {t("compare.switch", names)}
            </button>
          )}
          <Sure onSure={() => void body(api.DELETE("/v1/galleries/{gallery}/model", params)).then(did(t("compare.ended")), fail)}>{t("compare.end")}</Sure>
          <span class="small soft">{left > 0 ? t("compare.waits", { n: left }) : t("compare.back")}</span>
        </div>
      )}
    </>
  );
}

/** What both models decided about faces of live searches. */
function Live({ facts, change }: { facts: GalleryModel; change: ModelChange }) {
  if (!change.faces) return <p class="small soft">{t(change.trial ? "compare.live.waits" : "compare.live.none")}</p>;
  return (
    <>
      <h3>{t("compare.live")}</h3>
      <p>
        {t("compare.live.equal", { n: change.equal, all: change.faces })} {change.equal_low != null && change.equal_high != null && t("own.interval", { range: `${percent(change.equal_low)} – ${percent(change.equal_high)}` })}
        {change.since && <span class="soft"> {t("compare.live.since", { when: moment(change.since) })}</span>}
      </p>
      <div class="scroll" tabIndex={0}>
        <table>
          <thead>
            <tr>
              <th>{nameOf(facts)}</th>
              <th>{nameOf(change)}</th>
              <th class="n">{t("compare.faces")}</th>
            </tr>
          </thead>
          <tbody>
            {change.pairs.map((one) => (
              <tr key={`${one.present}${one.other}${one.other_person}`}>
                <td>{coded("outcome", one.present)}</td>
                <td>
                  {coded("outcome", one.other)}
                  {one.other_person && ` (${t("compare.otherperson")})`}
                </td>
                <td class="n">{number(one.faces)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <Command line={`mien gallery model show --gallery ${gallery.value}.mien --table`} />
    </>
  );
}

/** Error rates of both on the same enrolled photos, and where only one of them fails. */
function Errors() {
  const path = { gallery: gallery.value };
  const rate = 1 / strictness.value;
  const [found, again] = useLoad(() => body(api.GET("/v1/galleries/{gallery}/model/errors", { params: { path, query: { rate } } })), [gallery.value, strictness.value]);
  return (
    <>
      <h3>{t("compare.errors")}</h3>
      <Show of={found} again={again}>
        {(value) => (value.present.named.searches === 0 ? <p class="soft">{t("own.none.text")}</p> : <Figures of={value} />)}
      </Show>
    </>
  );
}

function Figures({ of }: { of: ModelErrors }) {
  const sides = [of.present, of.other];
  return (
    <>
      <p class="soft">{t("compare.errors.text", { n: of.templates })}</p>
      {of.left_out > 0 && <p class="notice">{t("own.part", { n: of.templates, left: of.left_out })}</p>}
      <ErrorTable of={t("compare.model")} rows={sides.map((one) => ({ key: one.model, name: nameOf(one), missed: one.missed, named: one.named }))} />
      {of.changed.map((one) => (
        <p key={one.kind}>{t(`compare.changed.${one.kind}`, { present: nameOf(of.present), other: nameOf(of.other), n: one.only_present, m: one.only_other, both: one.both })}</p>
      ))}
      {of.cases.length > 0 && (
        <ul class="grid" style={{ gridTemplateColumns: "repeat(auto-fill, minmax(220px, 1fr))" }}>
          {of.cases.map((one) => (
            <li key={`${one.kind}${one.template}`} class="card cards">
              <div class="pair">
                <Template person={one.person} template={one.template} name={one.name} />
                <Template person={one.other_person} template={one.other_template} name={one.other_name} />
              </div>
              <span>{t(`compare.case.${one.kind}`, { model: nameOf(one.fails === "present" ? of.present : of.other), name: one.name, other: one.other_name })}</span>
            </li>
          ))}
        </ul>
      )}
      <Command line={curl(`/v1/galleries/${gallery.value}/model/errors?rate=${of.rate}`)} />
    </>
  );
}
