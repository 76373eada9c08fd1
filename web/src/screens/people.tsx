import { useState } from "preact/hooks";
import { enrol, portraitOf, searchPeople, templatePicture } from "../api/calls";
import { api, body } from "../api/client";
import { gallery, governed, may } from "../api/session";
import type { NewBasis, Person, PersonDetails } from "../api/types";
import { Ask, BasisFields, NameForm } from "../parts/ask";
import { Drop } from "../parts/drop";
import { save } from "../parts/exports";
import { Icon } from "../parts/icon";
import { Empty, Show, useLoad } from "../parts/states";
import { Sure } from "../parts/sure";
import { useVirtual } from "../parts/virtual";
import { did, fail, go, route, say } from "../state";
import { coded, moment, t } from "../words";

export function People() {
  const id = Number(route.value[1]);
  return id ? <OnePerson key={`${gallery.value}/${id}`} id={id} /> : <Everybody key={gallery.value} />;
}

/** All people of a gallery, page after page. */
async function everybody(name: string, search: string): Promise<Person[]> {
  const found: Person[] = [];
  let cursor: string | null | undefined;
  do {
    const query = { limit: 500, ...(search ? { search } : {}), ...(cursor ? { cursor } : {}) };
    const page = await body(api.GET("/v1/galleries/{gallery}/people", { params: { path: { gallery: name }, query } }));
    found.push(...page.items);
    cursor = page.next;
  } while (cursor);
  return found;
}

function Everybody() {
  const [search, setSearch] = useState("");
  const [adding, setAdding] = useState(false);
  const [found, again] = useLoad(() => everybody(gallery.value, search), [gallery.value, search]);
  return (
    <>
      <div class="head">
        <div>
          <h1>{t("people.title")}</h1>
          <p>{t("people.lead")}</p>
        </div>
        <div class="actions">
          <input class="entry" style={{ width: "14rem" }} type="search" aria-label={t("people.search")} placeholder={t("people.search")} value={search} onInput={(event) => setSearch(event.currentTarget.value)} />
          {may("enrol") && (
            <button class="button first" aria-expanded={adding} onClick={() => setAdding(!adding)}>
              <Icon name="add" /> {t("people.add")}
            </button>
          )}
        </div>
      </div>
      {adding && <Add onDone={again} onClose={() => setAdding(false)} />}
      <Show of={found} again={again}>
        {(people) =>
          people.length ? (
            <Grid people={people} />
          ) : search ? (
            <Empty icon="search" title={t("people.nobody", { name: search })} text={t("people.nobody.text")} />
          ) : (
            <Empty icon="people" title={t("people.empty")} text={t("people.empty.text")}>
              {may("enrol") && !adding && (
                <button class="button first" onClick={() => setAdding(true)}>
                  <Icon name="add" /> {t("people.add")}
                </button>
              )}
            </Empty>
          )
        }
      </Show>
    </>
  );
}

function Grid({ people }: { people: Person[] }) {
  const [place, window] = useVirtual(people.length, 140, 52);
  return (
    <div ref={place} style={{ height: window.height }}>
      <div class="grid" style={{ transform: `translateY(${window.above}px)`, gridTemplateColumns: `repeat(${window.columns}, minmax(0, 1fr))` }}>
        {people.slice(window.first, window.last).map((one) => (
          <a key={one.id} class="person" href={`#/people/${one.id}`}>
            <Portrait person={one} />
            <b class="cut">{one.name}</b>
            <small class="soft">{t("people.photos", { n: one.templates })}</small>
          </a>
        ))}
      </div>
    </div>
  );
}

function Portrait({ person }: { person: Person }) {
  const [gone, setGone] = useState(!person.portrait);
  if (gone) return <div class="face initial" aria-hidden="true">{person.name.slice(0, 1).toLocaleUpperCase()}</div>;
  return <img class="face" src={portraitOf(gallery.value, person.id)} alt="" loading="lazy" onError={() => setGone(true)} />;
}

function Add({ onDone, onClose }: { onDone: () => void; onClose: () => void }) {
  const [photos, setPhotos] = useState<File[]>([]);
  const [busy, setBusy] = useState(false);
  const [results, setResults] = useState<{ photo: string; outcome: string; reason?: string | null; detail?: string | null }[]>([]);
  const [clash, setClash] = useState<(() => void) | null>(null);
  const submit = async (name: string, basis?: NewBasis, anyway = false) => {
    setBusy(true);
    setClash(null);
    try {
      const done = await enrol({ name, photos, allow_conflicts: anyway, ...(basis ? { basis } : {}) });
      setResults(done.photos);
      if (done.photos.some((one) => one.reason === "conflict")) setClash(() => () => void submit(name, basis, true));
      const n = done.photos.filter((one) => one.outcome === "enrolled").length;
      if (n) say(t("people.enrolled", { n, name }));
      if (n === photos.length) setPhotos([]);
      onDone();
    } catch (error) {
      fail(error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <div class="card split" style={{ marginBottom: "24px" }}>
      <Drop accept="image/*,.heic,.heif" icon="upload" title={photos.length ? t("people.chosen", { n: photos.length }) : t("people.drop")} text={t("people.drop.text")} onFiles={(files) => setPhotos([...photos, ...files])} />
      <div class="cards">
        <NameForm label={t("people.name")} action={photos.length ? t("people.enrol", { n: photos.length }) : t("identify.enrol")} busy={busy || !photos.length} onName={(name, basis) => void submit(name, basis)} />
        <Results rows={results} />
        {clash && (
          <button class="button" onClick={clash}>
            {t("people.anyway")}
          </button>
        )}
        <button class="button bare" onClick={onClose}>
          {t("close")}
        </button>
      </div>
    </div>
  );
}

function Results({ rows }: { rows: { photo: string; outcome: string; reason?: string | null; detail?: string | null }[] }) {
  return (
    <ul class="cards" role="status">
      {rows.map((one) => (
        <li key={one.photo} class={`notice ${one.outcome === "refused" ? "" : "quiet"}`}>
          <Icon name={one.outcome === "refused" ? "info" : "check"} />
          <span>
            <b>{one.photo}</b>: {coded("enrol", one.outcome) ?? one.outcome}. {one.detail ?? ""}
          </span>
        </li>
      ))}
    </ul>
  );
}

function OnePerson({ id }: { id: number }) {
  const path = { gallery: gallery.value, person: id };
  const [found, again] = useLoad(() => body(api.GET("/v1/galleries/{gallery}/people/{person}", { params: { path } })), [id]);
  return (
    <Show of={found} again={again}>
      {(person) => <Details person={person} again={again} />}
    </Show>
  );
}

function Details({ person, again }: { person: PersonDetails; again: () => void }) {
  const [what, setWhat] = useState<"rename" | "merge" | "erase" | "add" | null>(null);
  const [results, setResults] = useState<{ photo: string; outcome: string; detail?: string | null }[]>([]);
  const path = { gallery: gallery.value, person: person.id };
  const rename = async (name: string, silent = false) => {
    const before = person.name;
    await api.PATCH("/v1/galleries/{gallery}/people/{person}", { params: { path }, body: { name } });
    again();
    if (!silent) did(t("people.renamed", { name }), () => rename(before, true));
    setWhat(null);
  };
  const attempt = (task: () => Promise<void>) => void task().catch(fail);
  return (
    <>
      <p>
        <a href="#/people">{t("people.back")}</a>
      </p>
      <div class="head">
        <div class="top" style={{ display: "flex", gap: "16px", alignItems: "center" }}>
          <div style={{ width: 96 }}>
            <Portrait person={person} />
          </div>
          <div>
            <h1>{person.name}</h1>
            <p>
              {t("people.photos", { n: person.templates })} · {t("people.since", { when: moment(person.added) })}
            </p>
          </div>
        </div>
        {may("enrol") && (
          <div class="actions">
            <button class="button" aria-pressed={what === "add"} onClick={() => setWhat(what === "add" ? null : "add")}>
              <Icon name="add" /> {t("people.more")}
            </button>
            <button class="button" aria-pressed={what === "rename"} onClick={() => setWhat(what === "rename" ? null : "rename")}>
              <Icon name="pencil" /> {t("people.rename")}
            </button>
            <button class="button" aria-pressed={what === "merge"} onClick={() => setWhat(what === "merge" ? null : "merge")}>
              <Icon name="merge" /> {t("people.merge")}
            </button>
            <button class="button danger" onClick={() => setWhat("erase")}>
              <Icon name="erase" /> {t("people.erase")}
            </button>
          </div>
        )}
      </div>
      {what === "rename" && (
        <div class="card" style={{ marginBottom: "24px", maxWidth: "30rem" }}>
          <NameForm label={t("people.newname")} action={t("people.rename")} basis={false} onName={(name) => attempt(() => rename(name))} />
        </div>
      )}
      {what === "merge" && <Merge person={person} onDone={() => setWhat(null)} />}
      {what === "erase" && <Erase person={person} onClose={() => setWhat(null)} />}
      {what === "add" && (
        <div class="cards" style={{ marginBottom: "24px" }}>
          <Drop
            accept="image/*,.heic,.heif"
            icon="upload"
            title={t("people.drop")}
            text={t("people.drop.text")}
            onFiles={(photos) =>
              attempt(async () => {
                setResults((await enrol({ name: person.name, photos })).photos);
                again();
              })
            }
          />
          <Results rows={results} />
        </div>
      )}
      <section class="cards">
        <h2>{t("people.templates")}</h2>
        <ul class="grid">
          {person.enrolled.map((one) => (
            <li key={one.id} class="card cards">
              {one.picture ? (
                <img class="face big" src={templatePicture(gallery.value, person.id, one.id)} alt={one.source ?? ""} loading="lazy" />
              ) : (
                <div class="face big initial">{person.name.slice(0, 1)}</div>
              )}
              <small class="cut">{one.source ?? ""}</small>
              <small class="soft">{weakest(one.quality)}</small>
              {may("enrol") && (
                <Sure class="tight bare" onSure={() => attempt(async () => {
                  await api.DELETE("/v1/galleries/{gallery}/people/{person}/templates/{template}", { params: { path: { ...path, template: one.id } } });
                  say(t("people.removed"));
                  if (person.enrolled.length === 1) go("people");
                  else again();
                })}>
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
      {governed.value && <Bases person={person} />}
    </>
  );
}

function weakest(quality: Record<string, number> | null | undefined): string {
  const known = Object.entries(quality ?? {}).filter(([name]) => coded("component", name));
  const [name, value] = known.sort((a, b) => a[1] - b[1])[0] ?? [];
  return name === undefined || value === undefined ? "" : t("people.weakest", { what: coded("component", name) ?? name, n: Math.round(value) });
}

function Merge({ person, onDone }: { person: Person; onDone: () => void }) {
  const submit = async (name: string) => {
    try {
      const into = (await searchPeople(gallery.value, name)).find((one) => one.name === name);
      if (!into) throw new Error(t("identify.gone", { name }));
      await api.POST("/v1/galleries/{gallery}/people/{person}/merge", { params: { path: { gallery: gallery.value, person: person.id } }, body: { into: into.id } });
      say(t("people.merged", { from: person.name, into: name }));
      onDone();
      go("people", into.id);
    } catch (error) {
      fail(error);
    }
  };
  return (
    <div class="card cards" style={{ marginBottom: "24px", maxWidth: "30rem" }}>
      <p class="small soft">{t("people.merge.text", { name: person.name })}</p>
      <NameForm label={t("people.merge.into")} action={t("people.merge")} basis={false} onName={(name) => void submit(name)} />
    </div>
  );
}

function Erase({ person, onClose }: { person: Person; onClose: () => void }) {
  const [typed, setTyped] = useState("");
  const [receipt, setReceipt] = useState<{ templates: number; remains: string[]; receipt: Record<string, unknown> } | null>(null);
  const erase = async () => {
    try {
      const done = await body(api.DELETE("/v1/galleries/{gallery}/people/{person}", { params: { path: { gallery: gallery.value, person: person.id } } }));
      setReceipt(done);
    } catch (error) {
      fail(error);
    }
  };
  return (
    <Ask title={receipt ? t("erase.done") : t("erase.title", { name: person.name })} onClose={() => (receipt ? go("people") : onClose())}>
      {receipt ? (
        <>
          <p>{t("erase.counts", { n: receipt.templates })}</p>
          {receipt.remains.length > 0 && <p class="notice">{t("erase.remains", { where: receipt.remains.join(", ") })}</p>}
          <div class="actions">
            <button class="button" onClick={() => save("receipt.json", "application/json", JSON.stringify(receipt.receipt, null, 1))}>
              <Icon name="download" /> {t("erase.receipt")}
            </button>
            <button class="button first" onClick={() => go("people")}>
              {t("close")}
            </button>
          </div>
        </>
      ) : (
        <>
          <p>{t("erase.text")}</p>
          <label class="field">
            {t("erase.type", { name: person.name })}
            <input value={typed} onInput={(event) => setTyped(event.currentTarget.value)} />
          </label>
          <div class="actions">
            <button class="button danger" disabled={typed.trim() !== person.name} onClick={() => void erase()}>
              <Icon name="erase" /> {t("people.erase")}
            </button>
            <button class="button bare" onClick={onClose}>
              {t("cancel")}
            </button>
          </div>
        </>
      )}
    </Ask>
  );
}

function Bases({ person }: { person: Person }) {
  const path = { gallery: gallery.value, person: person.id };
  const [found, again] = useLoad(() => body(api.GET("/v1/galleries/{gallery}/people/{person}/bases", { params: { path } })), [person.id]);
  const [given, setGiven] = useState<NewBasis | null>(null);
  const attempt = (task: () => Promise<unknown>) => void task().then(again, fail);
  return (
    <section class="cards" style={{ marginTop: "40px" }}>
      <h2>{t("basis.list")}</h2>
      <Show of={found} again={again}>
        {(bases) => (
          <div class="scroll" tabIndex={0}>
            <table>
              <thead>
                <tr>
                  <th>{t("basis.purpose")}</th>
                  <th>{t("basis.ground")}</th>
                  <th>{t("basis.given")}</th>
                  <th>{t("basis.ends")}</th>
                  <th />
                </tr>
              </thead>
              <tbody>
                {bases.map((one) => (
                  <tr key={one.id}>
                    <th>{one.purpose}</th>
                    <td>{one.ground}</td>
                    <td>{one.given ? moment(one.given) : ""}</td>
                    <td>{one.withdrawn ? t("basis.withdrawn", { when: moment(one.withdrawn) }) : one.ends ? moment(one.ends) : t("basis.open")}</td>
                    <td>
                      {one.valid && may("enrol") && (
                        <button class="button tight" onClick={() => attempt(() => api.POST("/v1/galleries/{gallery}/people/{person}/bases/withdraw", { params: { path }, body: { purpose: one.purpose } as never }))}>
                          {t("basis.withdraw")}
                        </button>
                      )}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Show>
      {may("enrol") && (
        <details>
          <summary>{t("basis.add")}</summary>
          <BasisFields onBasis={setGiven} />
          <button class="button" disabled={!given} onClick={() => given && attempt(() => api.POST("/v1/galleries/{gallery}/people/{person}/bases", { params: { path }, body: given }))}>
            {t("basis.add")}
          </button>
        </details>
      )}
    </section>
  );
}
