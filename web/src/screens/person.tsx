import { useState } from "preact/hooks";
import { enrol, searchPeople, templatePicture } from "../api/calls";
import { api, body } from "../api/client";
import { gallery, governed, may } from "../api/session";
import type { NewBasis, Person, PersonDetails } from "../api/types";
import { NameForm } from "../parts/ask";
import { Bases } from "../parts/bases";
import { Command } from "../parts/command";
import { Drop } from "../parts/drop";
import { Erase } from "../parts/erase";
import { Icon } from "../parts/icon";
import { Portrait, Results } from "../parts/portrait";
import { Seen, Similar } from "../parts/seen";
import { quoted } from "../parts/shell";
import { Show, useLoad } from "../parts/states";
import { didStep } from "../parts/steps";
import { Sure } from "../parts/sure";
import { fail, go, say } from "../state";
import { coded, day, moment, t } from "../words";

export function OnePerson({ id }: { id: number }) {
  const path = { gallery: gallery.value, person: id };
  const [found, again] = useLoad(() => body(api.GET("/v1/galleries/{gallery}/people/{person}", { params: { path } })), [id]);
  return (
    <Show of={found} again={again}>
      {(person) => <Details person={person} again={again} />}
    </Show>
  );
}

type Doing = "rename" | "merge" | "erase" | "add" | "split" | null;
interface Part {
  person: PersonDetails;
  again: () => void;
}

const attempt = (task: () => Promise<unknown>) => void task().catch(fail);
const at = (person: Person) => ({ params: { path: { gallery: gallery.value, person: person.id } } });

function Details({ person, again }: Part) {
  const [what, setWhat] = useState<Doing>(null);
  const [chosen, setChosen] = useState<number[]>([]);
  const [turn, setTurn] = useState(0);
  const done = () => {
    setWhat(null);
    setChosen([]);
    setTurn(turn + 1); // portraits and lists are asked for anew
    again();
  };
  return (
    <div key={turn}>
      <p class="screen-only">
        <a href="#/people">{t("people.back")}</a>
      </p>
      <div class="head">
        <div class="top" style={{ display: "flex", gap: "16px", alignItems: "center" }}>
          <div style={{ width: "96px" }}>
            <Portrait person={person} />
          </div>
          <div>
            <h1>{person.name}</h1>
            <p>
              {t("people.photos", { n: person.templates })} · {t("people.since", { when: moment(person.added) })}
              {person.last_seen && ` · ${t("people.seen", { when: day(person.last_seen) })}`}
            </p>
            <Ground person={person} />
          </div>
        </div>
        {may("enrol") && <Buttons person={person} what={what} onWhat={setWhat} onDone={done} />}
      </div>
      {what === "rename" && (
        <div class="card" style={{ marginBottom: "24px", maxWidth: "30rem" }}>
          <NameForm label={t("people.newname")} action={t("people.rename")} basis={false} onName={(name) =>
            attempt(async () => {
              await api.PATCH("/v1/galleries/{gallery}/people/{person}", { ...at(person), body: { name } });
              await didStep(t("people.renamed", { name }), done);
              done();
            })} />
        </div>
      )}
      {what === "merge" && <Merge person={person} onDone={() => setWhat(null)} />}
      {what === "erase" && <Erase person={person} onClose={() => setWhat(null)} />}
      {what === "add" && <Add person={person} again={again} />}
      <Templates person={person} again={done} chosen={chosen} onChosen={setChosen} />
      {may("review") && <Seen person={person} />}
      <Similar person={person} />
      {governed.value && <Bases person={person} />}
      <Command line={`mien gallery show ${quoted(person.name)} --gallery ${gallery.value}.mien --table`} />
    </div>
  );
}

/** Whether a legal basis permits to search for this person, and until when. */
function Ground({ person }: { person: Person }) {
  if (!person.ground) return person.hidden ? <p>{t("people.hidden.text")}</p> : null;
  const { valid, ends, purposes } = person.ground;
  const aims = purposes.join(", ");
  return (
    <p>
      {valid ? (ends ? t("basis.until", { aims, when: day(ends) }) : t("basis.always", { aims })) : t("basis.none")}
      {person.hidden && ` · ${t("people.hidden.text")}`}
    </p>
  );
}

function Buttons({ person, what, onWhat, onDone }: { person: PersonDetails; what: Doing; onWhat: (what: Doing) => void; onDone: () => void }) {
  const choice = (one: Exclude<Doing, null | "split" | "erase">, icon: "add" | "pencil" | "merge", label: string) => (
    <button class="button" aria-pressed={what === one} onClick={() => onWhat(what === one ? null : one)}>
      <Icon name={icon} /> {label}
    </button>
  );
  return (
    <div class="actions">
      {choice("add", "add", t("people.more"))}
      {choice("rename", "pencil", t("people.rename"))}
      {choice("merge", "merge", t("people.merge"))}
      <button class="button" onClick={() => attempt(async () => {
        await api.PUT("/v1/galleries/{gallery}/people/{person}/hidden", { ...at(person), body: { hidden: !person.hidden } });
        await didStep(t(person.hidden ? "people.did.show" : "people.did.hide", { name: person.name }), onDone);
        onDone();
      })}>
        <Icon name="hide" /> {person.hidden ? t("people.show") : t("people.hide")}
      </button>
      <button class="button danger" onClick={() => onWhat("erase")}>
        <Icon name="erase" /> {t("people.erase")}
      </button>
    </div>
  );
}

function Add({ person, again }: Part) {
  const [results, setResults] = useState<{ photo: string; outcome: string; detail?: string | null }[]>([]);
  return (
    <div class="cards" style={{ marginBottom: "24px" }}>
      <Drop accept="image/*,.heic,.heif" icon="upload" title={t("people.drop")} text={t("people.drop.text")} onFiles={(photos) =>
        attempt(async () => {
          setResults((await enrol({ name: person.name, photos })).photos);
          again();
        })} />
      <Results rows={results} />
    </div>
  );
}

/** Enrolled photos: portrait, quality, and those that are of somebody else. */
function Templates({ person, again, chosen, onChosen }: Part & { chosen: number[]; onChosen: (ids: number[]) => void }) {
  const many = person.enrolled.length > 1 && may("enrol");
  const split = (name: string, basis?: NewBasis) =>
    attempt(async () => {
      const other = await body(api.POST("/v1/galleries/{gallery}/people/{person}/split", { ...at(person), body: { templates: chosen, name, ...(basis ? { basis } : {}) } }));
      await didStep(t("people.did.split", { n: chosen.length, name: other.name }), again);
      again();
    });
  const portrait = (template: number) =>
    attempt(async () => {
      await api.PUT("/v1/galleries/{gallery}/people/{person}/portrait", { ...at(person), body: { template } });
      await didStep(t("people.did.portrait"), again);
      again();
    });
  const remove = (template: number) =>
    attempt(async () => {
      await api.DELETE("/v1/galleries/{gallery}/people/{person}/templates/{template}", { params: { path: { gallery: gallery.value, person: person.id, template } } });
      say(t("people.removed"));
      if (person.enrolled.length === 1) go("people");
      else again();
    });
  return (
    <section class="cards">
      <h2>{t("people.templates")}</h2>
      {many && <p class="small soft">{t("people.split.text")}</p>}
      {chosen.length > 0 && (
        <div class="card" style={{ maxWidth: "30rem" }}>
          {chosen.length < person.enrolled.length ? <NameForm label={t("people.split.name", { n: chosen.length })} action={t("people.split")} onName={split} /> : <p>{t("people.split.all")}</p>}
        </div>
      )}
      <ul class="grid" style={{ gridTemplateColumns: "repeat(auto-fill, minmax(172px, 1fr))" }}>
        {person.enrolled.map((one, place) => (
          <li key={one.id} class={`card cards ${chosen.includes(one.id) ? "chosen" : ""}`}>
            {one.picture ? (
              <img class="face big" src={templatePicture(gallery.value, person.id, one.id)} alt={one.source ?? t("people.template", { n: place + 1 })} loading="lazy" />
            ) : (
              <div class="face big initial" aria-hidden="true">
                {person.name.slice(0, 1)}
              </div>
            )}
            <small class="cut">{one.source ?? ""}</small>
            <small class="soft">{weakest(one.quality)}</small>
            {many && (
              <label class="check">
                <input type="checkbox" checked={chosen.includes(one.id)} onChange={() => onChosen(chosen.includes(one.id) ? chosen.filter((id) => id !== one.id) : [...chosen, one.id])} />
                <small>{t("people.split.choose", { name: person.name })}</small>
              </label>
            )}
            {many && one.picture && (
              <button class="button tight bare" onClick={() => portrait(one.id)}>
                {t("people.portrait")}
              </button>
            )}
            {may("enrol") && (
              <Sure class="tight bare" onSure={() => remove(one.id)}>
                <Icon name="erase" /> {t("people.remove")}
              </Sure>
            )}
          </li>
        ))}
      </ul>
      {person.refused.length > 0 && (
        <details>
          <summary>{t("people.refused", { n: person.refused.length })}</summary>
          <ul>
            {person.refused.map((one) => (
              <li key={one.source} class="small">
                {one.source}: {coded("refused", one.reason) ?? one.reason}
              </li>
            ))}
          </ul>
        </details>
      )}
    </section>
  );
}

function weakest(quality: Record<string, number> | null | undefined): string {
  const known = Object.entries(quality ?? {}).filter(([name]) => coded("component", name));
  const [name, value] = known.sort((a, b) => a[1] - b[1])[0] ?? [];
  return name === undefined || value === undefined ? "" : t("people.weakest", { what: coded("component", name) ?? name, n: Math.round(value) });
}

function Merge({ person, onDone }: { person: Person; onDone: () => void }) {
  const submit = async (name: string) => {
    const into = (await searchPeople(gallery.value, name)).find((one) => one.name === name);
    if (!into) throw new Error(t("identify.gone", { name }));
    await api.POST("/v1/galleries/{gallery}/people/{person}/merge", { ...at(person), body: { into: into.id } });
    await didStep(t("people.merged", { from: person.name, into: name }), () => {});
    onDone();
    go("people", into.id);
  };
  return (
    <div class="card cards" style={{ marginBottom: "24px", maxWidth: "30rem" }}>
      <p class="small soft">{t("people.merge.text", { name: person.name })}</p>
      <NameForm label={t("people.merge.into")} action={t("people.merge")} basis={false} onName={(name) => attempt(() => submit(name))} />
    </div>
  );
}
