import { useState } from "preact/hooks";
import { enrol } from "../api/calls";
import { api, body } from "../api/client";
import { gallery, may } from "../api/session";
import type { NewBasis, Person } from "../api/types";
import { NameForm } from "../parts/ask";
import { Command } from "../parts/command";
import { Drop } from "../parts/drop";
import { Icon } from "../parts/icon";
import { Portrait, Results } from "../parts/portrait";
import { Empty, Show, useLoad } from "../parts/states";
import { Steps } from "../parts/steps";
import { useVirtual } from "../parts/virtual";
import { fail, route, say } from "../state";
import { day, t } from "../words";
import { OnePerson } from "./person";

export function People() {
  const id = Number(route.value[1]);
  return id ? <OnePerson key={`${gallery.value}/${id}`} id={id} /> : <Everybody key={gallery.value} />;
}

/** All people of a gallery, who was last seen first, page after page. */
async function everybody(name: string, search: string, hidden: boolean): Promise<Person[]> {
  const found: Person[] = [];
  let cursor: string | null | undefined;
  do {
    const query = { limit: 500, sort: "seen" as const, hidden, ...(search ? { search } : {}), ...(cursor ? { cursor } : {}) };
    const page = await body(api.GET("/v1/galleries/{gallery}/people", { params: { path: { gallery: name }, query } }));
    found.push(...page.items);
    cursor = page.next;
  } while (cursor);
  return found;
}

function Everybody() {
  const [search, setSearch] = useState("");
  const [hidden, setHidden] = useState(false);
  const [adding, setAdding] = useState(false);
  const [found, again] = useLoad(() => everybody(gallery.value, search, hidden), [gallery.value, search, hidden]);
  return (
    <>
      <div class="head">
        <div>
          <h1>{t("people.title")}</h1>
          <p>{t("people.lead")}</p>
        </div>
        <div class="actions">
          <input class="entry" style={{ width: "14rem" }} type="search" aria-label={t("people.search")} placeholder={t("people.search")} value={search} onInput={(event) => setSearch(event.currentTarget.value)} />
          <label class="check">
            <input type="checkbox" checked={hidden} onChange={() => setHidden(!hidden)} /> {t("people.hidden.show")}
          </label>
          {may("enrol") && (
            <button class="button first" aria-expanded={adding} onClick={() => setAdding(!adding)}>
              <Icon name="add" /> {t("people.add")}
            </button>
          )}
        </div>
      </div>
      {adding && <Add onDone={again} onClose={() => setAdding(false)} />}
      <Steps key={found.state === "done" ? found.value.length : 0} onUndone={again} />
      <Show of={found} again={again}>
        {(people) =>
          people.length ? (
            <>
              <Grid people={people} />
              <Command line={`mien gallery list --gallery ${gallery.value}.mien --table`} />
            </>
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
  const [place, window] = useVirtual(people.length, 140, 76);
  return (
    <div ref={place} class="grown" style={{ height: `${window.height}px` }}>
      <div class="grid" style={{ transform: `translateY(${window.above}px)`, gridTemplateColumns: `repeat(${window.columns}, minmax(0, 1fr))` }}>
        {people.slice(window.first, window.last).map((one) => (
          <a key={one.id} class={`person ${one.hidden ? "faded" : ""}`} href={`#/people/${one.id}`}>
            <Portrait person={one} />
            <b class="cut">{one.name}</b>
            <small class="soft cut">
              {t("people.photos", { n: one.templates })}
              {one.hidden && ` · ${t("people.hidden")}`}
            </small>
            <small class="soft cut">{one.ground && !one.ground.valid ? t("basis.none") : one.last_seen ? t("people.seen", { when: day(one.last_seen) }) : t("people.unseen")}</small>
          </a>
        ))}
      </div>
    </div>
  );
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
