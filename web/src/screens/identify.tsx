import { signal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { enrol, identify } from "../api/calls";
import { writing } from "../app";
import { api } from "../api/client";
import { gallery, may } from "../api/session";
import { type Answer, type FaceRow, isRead, type NewBasis } from "../api/types";
import { NameForm } from "../parts/ask";
import { csvOf, save, xmpOf } from "../parts/exports";
import { TakePhoto } from "../parts/camera";
import { Drop } from "../parts/drop";
import { Command, searching } from "../parts/command";
import { FaceCard } from "../parts/face_card";
import { Icon, type Outcome, OutcomeIcon } from "../parts/icon";
import { type Box, nameOf, outcomeOf, Photo, useUrl } from "../parts/photo";
import { quoted } from "../parts/shell";
import { Trouble, Working } from "../parts/states";
import { useVirtual } from "../parts/virtual";
import { fail, liveness, say, strictness } from "../state";
import { coded, t } from "../words";

interface Entry {
  id: number;
  file: File;
  asked?: number; // a stranger gets a name in 1 of so many searches
  answer?: Answer;
  error?: unknown;
}

// Photos of this visit. They live in this page only, and outlive a change of the screen.
const entries = signal<Entry[]>([]);
const opened = signal<number | null>(null);
let count = 0;
let running = 0;

const AT_ONCE = 2; // requests under way; the server queues the rest of all callers fairly
const ORDER: Outcome[] = ["match", "review", "unknown", "found", "none", "error"];

function update(id: number, change: Partial<Entry>): void {
  entries.value = entries.value.map((one) => (one.id === id ? { ...one, ...change } : one));
}

function add(files: File[]): void {
  const fresh = files.filter((file) => !file.name.startsWith(".")).map((file) => ({ id: ++count, file }));
  entries.value = [...entries.value, ...fresh];
  opened.value = entries.value.length === 1 ? (entries.value[0]?.id ?? null) : null;
  pump();
}

/** Answer the entries that have none yet. */
function pump(): void {
  const next = entries.value.find((one) => !one.answer && one.error === undefined && !started.has(one.id));
  if (!next || running >= AT_ONCE) return;
  started.add(next.id);
  running++;
  update(next.id, { asked: strictness.value });
  identify(next.file)
    .then(
      (answer) => update(next.id, { answer }),
      (error: unknown) => update(next.id, { error }),
    )
    .finally(() => {
      running--;
      pump();
    });
  pump();
}
const started = new Set<number>();

function again(): void {
  started.clear();
  entries.value = entries.value.map(({ id, file }) => ({ id, file }));
  pump();
}

function clear(): void {
  started.clear();
  entries.value = [];
  opened.value = null;
}

/** The best outcome of a photo: that of its faces, or why there is none. */
function outcome(entry: Entry): Outcome | null {
  if (entry.error !== undefined) return "error";
  if (!entry.answer) return null;
  if (!isRead(entry.answer)) return "error";
  const found = entry.answer.faces.map(outcomeOf);
  return ORDER.find((one) => found.includes(one)) ?? "none";
}

export function Identify() {
  const all = entries.value;
  const one = all.find((entry) => entry.id === opened.value);
  return (
    <>
      <div class="head">
        <div>
          <h1>{t("identify.title")}</h1>
          <p>{t("identify.lead")}</p>
        </div>
        {all.length > 0 && (
          <div class="actions">
            {all.length > 1 && one && (
              <button class="button" onClick={() => (opened.value = null)}>
                <Icon name="back" /> {t("identify.all", { n: all.length })}
              </button>
            )}
            <button class={`button ${all.some((each) => each.asked !== undefined && each.asked !== strictness.value) ? "first" : ""}`} onClick={again}>
              {t("identify.again")}
            </button>
            <button class="button" onClick={() => save("identify.csv", "text/csv", csvOf(all.map(({ file, answer }) => [file.name, answer])))}>
              <Icon name="download" /> CSV
            </button>
            <button class="button" onClick={clear}>
              <Icon name="close" /> {t("identify.clear")}
            </button>
          </div>
        )}
      </div>
      {all.length === 0 ? (
        <Drop accept="image/*,.heic,.heif" icon="identify" title={t("identify.drop")} text={t("identify.private")} onFiles={add}>
          <TakePhoto onPhoto={(photo) => add([photo])} />
        </Drop>
      ) : one ? (
        <One entry={one} />
      ) : (
        <Batch all={all} />
      )}
    </>
  );
}

function Batch({ all }: { all: Entry[] }) {
  const [only, setOnly] = useState<Outcome | null>(null);
  const outcomes = all.map(outcome);
  const done = outcomes.filter((one) => one !== null).length;
  const shown = all.filter((_, number) => only === null || outcomes[number] === only);
  const [ref, window] = useVirtual(shown.length, 150);
  return (
    <div class="cards">
      {done < all.length && <Working label={t("identify.working")} done={done} total={all.length} />}
      <div class="chips" role="group" aria-label={t("identify.filter")}>
        {ORDER.map((each) => {
          const n = outcomes.filter((one) => one === each).length;
          return n ? (
            <button key={each} class="chip" aria-pressed={only === each} onClick={() => setOnly(only === each ? null : each)}>
              <OutcomeIcon of={each} /> {t(`outcome.${each}`)} {n}
            </button>
          ) : null;
        })}
      </div>
      <div ref={ref} class="grown" style={{ height: `${window.height}px`, position: "relative" }}>
        <div class="grid" style={{ transform: `translateY(${window.above}px)`, gridTemplateColumns: `repeat(${window.columns}, 1fr)` }}>
          {shown.slice(window.first, window.last).map((entry) => (
            <Small key={entry.id} entry={entry} />
          ))}
        </div>
      </div>
      <Command line={identifying("PHOTOS", all[0]?.asked)} />
      <Drop accept="image/*,.heic,.heif" icon="add" title={t("identify.more")} text="" small onFiles={add} />
    </div>
  );
}

/** The command that identifies photos, as it was asked for here. */
function identifying(photos: string, asked: number = strictness.value): string {
  const live = liveness.value === "off" ? "" : ` --liveness ${liveness.value}`;
  return `mien identify ${photos} ${searching(gallery.value, asked)}${live}`;
}

function Small({ entry }: { entry: Entry }) {
  const url = useUrl(entry.file);
  const found = outcome(entry);
  const names = entry.answer && isRead(entry.answer) ? entry.answer.faces.filter((one) => outcomeOf(one) !== "unknown").map(nameOf) : [];
  return (
    <button class="photo" onClick={() => (opened.value = entry.id)} aria-label={`${entry.file.name}: ${found ? t(`outcome.${found}`) : t("loading")} ${names.join(", ")}`}>
      <img src={url} alt="" loading="lazy" decoding="async" />
      {found && (
        <span class={`badge ${found}`}>
          <OutcomeIcon of={found} /> {names.join(", ") || t(`outcome.${found}`)}
        </span>
      )}
    </button>
  );
}

function One({ entry }: { entry: Entry }) {
  const [picked, setChosen] = useState<number | null>(null);
  const [drawing, setDrawing] = useState(false);
  const [drawn, setDrawn] = useState<Box | null>(null);
  const { answer, error, file } = entry;
  const order = useRef<number[]>([]); // of the faces, as their cards are
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      const face = order.current[Number(event.key) - 1];
      if (face !== undefined && !writing(event) && !event.ctrlKey && !event.metaKey && !event.altKey) setChosen(face);
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, []);
  if (error !== undefined) return <Trouble error={error} again={again} />;
  if (!answer) return <Working label={t("identify.working")} />;
  if (!isRead(answer)) return <Trouble error={new Error(answer.error)} />;
  const size = answer.size as [number, number];
  const faces = answer.faces
    .map((face, number) => ({ face, number }))
    .sort((a, b) => ORDER.indexOf(outcomeOf(a.face)) - ORDER.indexOf(outcomeOf(b.face)));
  order.current = faces.map(({ number }) => number);
  const chosen = picked ?? (faces.length === 1 ? 0 : null);
  return (
    <div class="split">
      <div class="cards">
        <Photo source={file} size={size} faces={answer.faces} chosen={chosen} onChoose={setChosen} onDraw={drawing ? (box) => { setDrawn(box); setDrawing(false); } : undefined} />
        <div class="actions">
          {may("enrol") && (
            <button class="button tight" aria-pressed={drawing} onClick={() => setDrawing(!drawing)}>
              <Icon name="add" /> {drawing ? t("identify.draw.now") : t("identify.draw")}
            </button>
          )}
          <button class="button tight" onClick={() => save(`${file.name}.xmp`, "application/rdf+xml", xmpOf(answer))}>
            <Icon name="download" /> XMP
          </button>
          <span class="small soft">
            {file.name} · {size[1]} × {size[0]}
          </span>
        </div>
        <p class="small soft wide-only screen-only">
          <kbd>1</kbd> … <kbd>9</kbd> {t("identify.keys.choose")} · <kbd>Y</kbd> {t("identify.right")} · <kbd>N</kbd> {t("identify.wrong")} · <kbd>E</kbd> {t("identify.enrol")}
        </p>
        <Command line={identifying(quoted(file.name), entry.asked)} />
      </div>
      <div class="cards">
        {drawn && (
          <div class="card cards">
            <h3>{t("identify.drawn")}</h3>
            <Enrol file={file} box={drawn} onDone={() => setDrawn(null)} />
          </div>
        )}
        {faces.length === 0 && (
          <div class="card none">
            <OutcomeIcon of="none" />
            <h2>{t("identify.noface")}</h2>
            <p>{coded("noface", answer.reason ?? "") ?? answer.reason}</p>
          </div>
        )}
        {faces.map(({ face, number }) => (
          <FaceCard key={number} face={face} asked={entry.asked ?? strictness.value} source={file} size={size} chosen={chosen === number} onChoose={() => setChosen(number)}>
            {chosen === number && <Actions face={face} file={file} />}
          </FaceCard>
        ))}
      </div>
    </div>
  );
}

function Actions({ face, file }: { face: FaceRow; file: File }) {
  const [naming, setNaming] = useState(false);
  const known = face.decision?.person ?? face.decision?.candidates?.[0]?.person;
  const answers = known && face.decision?.outcome !== "unknown";
  useLayoutEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (writing(event) || event.ctrlKey || event.metaKey || event.altKey) return;
      const key = event.key.toLowerCase();
      if (key === "e" && may("enrol")) {
        event.preventDefault(); // the letter is no part of the name
        setNaming(true);
      } else if (answers && (key === "y" || key === "n")) void verdict(known, key === "y");
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  });
  return (
    <div class="cards" onClick={(event) => event.stopPropagation()}>
      <div class="actions">
        {answers && (
          <>
            <button class="button tight" onClick={() => void verdict(known, true)}>
              <Icon name="check" /> {t("identify.right")}
            </button>
            <button class="button tight" onClick={() => void verdict(known, false)}>
              <Icon name="close" /> {t("identify.wrong")}
            </button>
          </>
        )}
        {may("enrol") && (
          <button class="button tight" aria-expanded={naming} onClick={() => setNaming(!naming)}>
            <Icon name="add" /> {t("identify.enrol")}
          </button>
        )}
      </div>
      {naming && <Enrol file={file} box={face.box as Box} onDone={() => setNaming(false)} />}
    </div>
  );
}

function Enrol({ file, box, onDone }: { file: File; box: Box; onDone: () => void }) {
  const [busy, setBusy] = useState(false);
  const submit = async (name: string, basis?: NewBasis) => {
    setBusy(true);
    try {
      const done = await enrol({ name, photos: [file], boxes: [[...box]], ...(basis ? { basis } : {}) });
      const first = done.photos[0];
      if (first?.outcome === "refused") say(first.detail ?? first.reason ?? "", "error");
      else {
        say(t("identify.enrolled", { name }));
        onDone();
        again();
      }
    } catch (error) {
      fail(error);
    } finally {
      setBusy(false);
    }
  };
  return <NameForm label={t("identify.name")} action={t("identify.enrol")} busy={busy} focus onName={(name, basis) => void submit(name, basis)} />;
}

async function verdict(name: string, right: boolean): Promise<void> {
  try {
    const path = { gallery: gallery.value };
    const { data } = await api.GET("/v1/galleries/{gallery}/people", { params: { path, query: { search: name } } });
    const person = data?.items.find((one) => one.name === name);
    if (!person) throw new Error(t("identify.gone", { name }));
    await api.POST("/v1/galleries/{gallery}/verdicts", { params: { path }, body: { person: person.id, right } });
    say(right ? t("identify.noted.right", { name }) : t("identify.noted.wrong", { name }));
  } catch (error) {
    fail(error);
  }
}
