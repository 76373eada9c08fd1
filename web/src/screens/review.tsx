import { useEffect, useRef, useState } from "preact/hooks";
import { portraitOf, searchPeople } from "../api/calls";
import { api, body, form, messageOf } from "../api/client";
import { gallery, may, stated } from "../api/session";
import { pending, type Person, type Question } from "../api/types";
import { Command } from "../parts/command";
import { Drop } from "../parts/drop";
import { Icon } from "../parts/icon";
import { Scale } from "../parts/scale";
import { curl } from "../parts/shell";
import { Sure } from "../parts/sure";
import { Empty, Show, useLoad, Working } from "../parts/states";
import { fail, route, say } from "../state";
import { moment, oneIn, percent, t } from "../words";
import { writing } from "../app";
import { waiting } from "./review_queue";

type Choice = "yes" | "no" | "skip" | "other";

export function Review() {
  const album = route.value[1] === "album" ? (route.value[2] ?? null) : null;
  return album ? <Album key={album} id={album} /> : <Queue />;
}

/** One question at a time, by keyboard: hundreds in minutes. */
function Queue() {
  const [found, again] = useLoad(() => body(api.GET("/v1/review", { params: { query: { limit: 8 } } })), []);
  const [given, setGiven] = useState(0);
  const [gone, setGone] = useState<number[]>([]); // answered, while the server is still told
  const [since, setSince] = useState<number | null>(null); // ms, when the first question was shown
  const [originals, setOriginals] = useState(false);
  const line = useRef(Promise.resolve()); // answers are sent one after the other
  const sending = useRef(0);
  const items = found.state === "done" ? found.value.items : [];
  const question = items.find((one) => !gone.includes(one.id));
  useEffect(() => {
    if (found.state !== "done") return;
    waiting.value = found.value.total;
    if (since === null && found.value.total) setSince(performance.now());
    if (sending.current === 0) setGone([]); // the list has all answers
  }, [found]);
  const send = (task: () => Promise<unknown>, failed: (error: unknown) => void) => {
    sending.current++;
    line.current = line.current.then(task).then(() => {}, failed).finally(() => {
      sending.current--;
      again();
    });
  };
  const reply = (choice: Choice, person?: number, all = false) => {
    if (!question) return;
    const { id } = question;
    const body = { answer: choice, enrol: may("enrol"), all, ...(person ? { person } : {}) };
    // The next question is there at once; after "all", what is left is asked for first.
    setGone((ids) => [...ids, ...(all ? items.map((one) => one.id) : [id])]);
    setGiven((n) => n + 1);
    send(
      () => api.POST("/v1/review/{question}", { params: { path: { question: id } }, body }),
      (error) => {
        fail(error);
        setGiven((n) => n - 1);
      },
    );
  };
  const back = () =>
    send(
      () =>
        api.POST("/v1/review/undo").then(() => setGiven((n) => Math.max(0, n - 1))),
      (error) => say(messageOf(error), "info"),
    );
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (writing(event) || event.ctrlKey || event.metaKey || event.altKey) return;
      const key = event.key.toLowerCase();
      const other = question?.others[Number(key) - 1];
      const keys: Record<string, () => unknown> = {
        y: () => reply("yes"),
        n: () => reply("no"),
        s: () => reply("skip"),
        m: () => reply("yes"),
        a: () => reply("yes", undefined, true),
        u: back,
        ...(pressable(event) ? {} : { " ": () => setOriginals(!originals) }),
      };
      const run = other ? () => reply("other", other.id) : keys[key];
      if (!run) return;
      event.preventDefault();
      void run();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  });
  return (
    <>
      <div class="head">
        <div>
          <h1>{t("review.title")}</h1>
          <p>{t("review.lead")}</p>
        </div>
      </div>
      <Show of={found} again={again}>
        {(queue) =>
          question ? (
            <div class="question">
              <Working label={t("review.progress", { n: queue.total })} done={given} total={given + queue.total} />
              <Pace given={given} since={since} />
              <Asked key={question.id} question={question} originals={originals} onOriginals={() => setOriginals(!originals)} onReply={reply} onBack={back} />
            </div>
          ) : items.length ? (
            <Working label={t("loading")} />
          ) : (
            <Empty icon="review" title={t("review.none")} text={t("review.none.text")} />
          )
        }
      </Show>
      <Albums />
    </>
  );
}

const faceOf = (album: string, face: number) => `/v1/albums/${album}/faces/${face}/picture`;

/** Whether a space already presses what has the focus. */
const pressable = (event: KeyboardEvent) => (event.target as HTMLElement).matches("button, a, summary, input, label");

/** Answers a minute, and how often the answers to planted questions were the known ones. */
function Pace({ given, since }: { given: number; since: number | null }) {
  const [found] = useLoad(() => body(api.GET("/v1/review/agreement")), [given]);
  const minutes = since === null ? 0 : (performance.now() - since) / 60_000;
  const agreed = found.state === "done" && found.value.asked > 0 ? found.value : null;
  return (
    <p class="small soft" data-given={given}>
      {given > 0 && minutes > 0 && t("review.pace", { n: Math.round(given / minutes) })}{" "}
      {agreed && t("review.agreed", { n: agreed.asked, agreed: agreed.agreed, low: percent(agreed.low ?? 0), high: percent(agreed.high ?? 1) })}
    </p>
  );
}

interface AskedProps {
  question: Question;
  originals: boolean;
  onOriginals: () => void;
  onReply: (choice: Choice, person?: number, all?: boolean) => void;
  onBack: () => void;
}

function Asked({ question, originals, onOriginals, onReply, onBack }: AskedProps) {
  const [first, second] = question.groups;
  const name = question.person?.name ?? second?.name ?? first?.name ?? "";
  const heading = question.kind === "who" ? t("review.who", { name }) : t("review.same");
  const place = useRef<HTMLElement>(null);
  useEffect(() => place.current?.focus({ preventScroll: true }), []);
  return (
    <article ref={place} class="card cards" tabIndex={-1} aria-label={heading}>
      <h2>{heading}</h2>
      <div class="pair">
        {first && <Faces album={question.album} group={first} originals={originals} />}
        {question.person ? (
          <figure>
            <Reference gallery={question.gallery} person={question.person.id} name={question.person.name} />
            <figcaption>{question.person.name}</figcaption>
          </figure>
        ) : (
          second && <Faces album={question.album} group={second} originals={originals} />
        )}
      </div>
      {question.score != null && question.threshold != null && (
        <>
          <p class="sentence">{t("review.rare", { rare: oneIn(question.score) })}</p>
          <Scale outcome="review" score={question.score} threshold={question.threshold} runner={null} />
        </>
      )}
      <div class="answers">
        <button class="button" onClick={() => onReply("yes")}>
          <Icon name="check" /> {t("review.yes")} <kbd>Y</kbd>
        </button>
        <button class="button" onClick={() => onReply("no")}>
          <Icon name="close" /> {t("review.no")} <kbd>N</kbd>
        </button>
        <button class="button" onClick={() => onReply("skip")}>
          {t("review.skip")} <kbd>S</kbd>
        </button>
      </div>
      {question.others.length > 0 && (
        <div class="chips" role="group" aria-label={t("review.others")}>
          {question.others.map((one, place) => (
            <button key={one.id} class="chip" onClick={() => onReply("other", one.id)}>
              <kbd>{place + 1}</kbd> <Reference gallery={question.gallery} person={one.id} name={one.name} small /> {one.name}
            </button>
          ))}
        </div>
      )}
      <div class="actions">
        <button class="button bare tight" onClick={onBack}>
          <Icon name="undo" /> {t("undo")} <kbd>U</kbd>
        </button>
        <button class="button bare tight" onClick={() => onReply("yes")}>
          <Icon name="merge" /> {t("review.merge")} <kbd>M</kbd>
        </button>
        <button class="button bare tight" title={t("review.all.text")} onClick={() => onReply("yes", undefined, true)}>
          <Icon name="people" /> {t("review.all")} <kbd>A</kbd>
        </button>
        <button class="button bare tight" aria-pressed={originals} onClick={onOriginals}>
          <Icon name="films" /> {t("review.originals")} <kbd>{t("review.space")}</kbd>
        </button>
        {question.kind === "who" && <Other onPerson={(one) => onReply("other", one.id)} />}
      </div>
      <Command line={curl(`/v1/review?album=${question.album}`)} />
    </article>
  );
}

type Group = Question["groups"][number];

function Faces({ album, group, originals }: { album: string; group: Group; originals: boolean }) {
  const label = group.name ?? t("review.group", { n: group.size });
  const [first] = group.originals;
  return (
    <figure>
      {originals && first ? <Original album={album} of={first} label={label} /> : <img class="face big" src={faceOf(album, group.faces[0] ?? 0)} alt={label} />}
      <div class="chips" style={{ marginTop: "8px" }}>
        {group.faces.slice(1, 6).map((one) => (
          <img key={one} class="face" style={{ width: "44px", height: "44px" }} src={faceOf(album, one)} alt="" />
        ))}
      </div>
      <figcaption>{label}</figcaption>
    </figure>
  );
}

/** The whole photo, with a box around the face that is asked about. */
function Original({ album, of, label }: { album: string; of: Group["originals"][number]; label: string }) {
  const [size, setSize] = useState<[number, number] | null>(null);
  const [left = 0, top = 0, right = 0, bottom = 0] = of.box;
  return (
    <div class="stage">
      <div class="sheet">
        <img src={`/v1/albums/${album}/photos/${of.photo}`} alt={t("review.original", { name: label })} onLoad={(event) => setSize([event.currentTarget.naturalWidth, event.currentTarget.naturalHeight])} />
        {size && (
          <svg class="boxes" viewBox={`0 0 ${size[0]} ${size[1]}`} preserveAspectRatio="none" aria-hidden="true">
            <rect class="halo" x={left} y={top} width={right - left} height={bottom - top} />
            <rect class="review" x={left} y={top} width={right - left} height={bottom - top} />
          </svg>
        )}
      </div>
    </div>
  );
}

function Reference({ gallery: name, person, name: title, small = false }: { gallery: string; person: number; name: string; small?: boolean }) {
  const [gone, setGone] = useState(false);
  const look = small ? "face tiny" : "face big";
  if (gone) return <div class={`${look} initial`} aria-hidden="true">{title.slice(0, 1).toLocaleUpperCase()}</div>;
  return <img class={look} src={portraitOf(name, person)} alt={small ? "" : title} onError={() => setGone(true)} />;
}

function Other({ onPerson }: { onPerson: (person: Person) => void }) {
  const [text, setText] = useState("");
  const [found, setFound] = useState<Person[]>([]);
  useEffect(() => {
    if (!text) return setFound([]);
    const timer = setTimeout(() => void searchPeople(gallery.value, text).then((people) => setFound(people.slice(0, 5)), () => setFound([])), 120);
    return () => clearTimeout(timer);
  }, [text]);
  return (
    <div class="chips">
      <input class="entry" style={{ width: "13rem" }} aria-label={t("review.other")} placeholder={t("review.other")} value={text} onInput={(event) => setText(event.currentTarget.value)} />
      {found.map((one) => (
        <button key={one.id} class="chip" onClick={() => onPerson(one)}>
          {one.name}
        </button>
      ))}
    </div>
  );
}

/** Albums are where questions come from: photos whose faces are grouped. */
function Albums() {
  const [found, again] = useLoad(() => body(api.GET("/v1/albums")), []);
  const [sent, setSent] = useState<[number, number] | null>(null);
  const busy = found.state === "done" && found.value.some((one) => pending(one.job));
  useEffect(() => {
    if (!busy) return;
    const timer = setInterval(again, 1000);
    return () => clearInterval(timer);
  }, [busy]);
  const make = async (files: File[]) => {
    try {
      setSent([0, files.length]);
      const album = await body(api.POST("/v1/albums", { body: { name: t("album.name", { when: new Date().toLocaleString() }), gallery: gallery.value } }));
      for (let start = 0; start < files.length; start += 10) {
        const photos = files.slice(start, start + 10);
        await api.POST("/v1/albums/{album}/photos", { params: { path: { album: album.id } }, body: { photos } as never, bodySerializer: () => form({ photos }) });
        setSent([Math.min(start + 10, files.length), files.length]);
      }
      await api.POST("/v1/albums/{album}/group", { params: { path: { album: album.id }, query: stated() } });
      again();
    } catch (error) {
      fail(error);
    } finally {
      setSent(null);
    }
  };
  return (
    <section class="cards" style={{ marginTop: "40px" }}>
      <h2>{t("album.title")}</h2>
      <p class="soft">{t("album.lead")}</p>
      {sent && <Working label={t("album.sending")} done={sent[0]} total={sent[1]} />}
      <Show of={found} again={again}>
        {(albums) => (
          <ul class="cards">
            {albums.map((one) => (
              <li key={one.id} class="card">
                <a href={`#/review/album/${one.id}`}>
                  <b>{one.name}</b>
                </a>
                <p class="small soft">
                  {t("album.facts", { photos: one.photos, groups: one.groups, open: one.open })} · {moment(one.made)}
                </p>
                {pending(one.job) && <Working label={t("album.grouping")} {...(one.job?.progress ?? {})} since={Date.parse(one.job?.made ?? "")} />}
                {one.job?.error && <p class="notice error">{one.job.error}</p>}
              </li>
            ))}
          </ul>
        )}
      </Show>
      <Drop accept="image/*,.heic,.heif" icon="upload" title={t("album.drop")} text={t("album.kept")} small={found.state === "done" && found.value.length > 0} onFiles={(files) => void make(files)} />
    </section>
  );
}

function Album({ id }: { id: string }) {
  const path = { album: id };
  const [found, again] = useLoad(() => body(api.GET("/v1/albums/{album}/groups", { params: { path, query: { limit: 200 } } })), [id]);
  const [chosen, setChosen] = useState<number[]>([]);
  const attempt = (task: () => Promise<unknown>, done?: string) =>
    void task().then(
      () => {
        if (done) say(done, "good", async () => void (await api.POST("/v1/albums/{album}/undo", { params: { path } }).then(again)));
        setChosen([]);
        again();
      },
      fail,
    );
  const merge = () =>
    attempt(async () => {
      const [into, ...others] = chosen;
      for (const group of others) await api.POST("/v1/albums/{album}/groups/{group}/merge", { params: { path: { album: id, group } }, body: { into: into ?? 0 } });
    }, t("album.merged", { n: chosen.length }));
  return (
    <>
      <p class="screen-only">
        <a href="#/review">{t("album.back")}</a>
      </p>
      <div class="head">
        <div>
          <h1>{t("album.groups")}</h1>
          <p>{t("album.groups.lead")}</p>
        </div>
        <div class="actions">
          <button class="button" disabled={chosen.length < 2} onClick={merge}>
            <Icon name="merge" /> {t("album.merge", { n: chosen.length })}
          </button>
          <button class="button" onClick={() => attempt(() => api.POST("/v1/albums/{album}/undo", { params: { path } }))}>
            <Icon name="undo" /> {t("undo")}
          </button>
          <Sure onSure={() => attempt(async () => {
            await api.DELETE("/v1/albums/{album}", { params: { path } });
            location.hash = "/review";
          })}>
            <Icon name="erase" /> {t("album.delete")}
          </Sure>
        </div>
      </div>
      <Show of={found} again={again}>
        {(page) =>
          page.items.length ? (
            <ul class="cards">
              {page.items.map((group) => (
                <Group key={group.id} album={id} group={group} chosen={chosen.includes(group.id)} attempt={attempt}
                  onChoose={() => setChosen(chosen.includes(group.id) ? chosen.filter((one) => one !== group.id) : [...chosen, group.id])} />
              ))}
            </ul>
          ) : (
            <Empty icon="people" title={t("album.nofaces")} text="" />
          )
        }
      </Show>
      <Command line={`mien cluster PHOTOS --gallery ${gallery.value}.mien`} />
    </>
  );
}

interface GroupProps {
  album: string;
  group: { id: number; name: string | null; faces: { id: number }[] };
  chosen: boolean;
  onChoose: () => void;
  attempt: (task: () => Promise<unknown>, done?: string) => void;
}

function Group({ album, group, chosen, onChoose, attempt }: GroupProps) {
  const [faces, setFaces] = useState<number[]>([]);
  const [name, setName] = useState(group.name ?? "");
  useEffect(() => setName(group.name ?? ""), [group.name]); // undone, or named elsewhere
  const params = { path: { album, group: group.id } };
  return (
    <li class={`card cards ${chosen ? "chosen" : ""}`}>
      <div class="actions">
        <label class="check">
          <input type="checkbox" checked={chosen} onChange={onChoose} aria-label={t("album.choose", { name: group.name ?? `${group.id}` })} />
        </label>
        <form
          class="actions"
          onSubmit={(event) => {
            event.preventDefault();
            attempt(() => api.POST("/v1/albums/{album}/groups/{group}/name", { params, body: { name } }), t("album.named", { name }));
          }}
        >
          <input class="entry" style={{ width: "13rem" }} aria-label={t("album.name.group")} placeholder={t("album.name.group")} value={name} onInput={(event) => setName(event.currentTarget.value)} />
          <button class="button tight" disabled={!name.trim() || name === group.name}>
            {t("album.rename")}
          </button>
        </form>
        {faces.length > 0 && (
          <>
            <button class="button tight" onClick={() => attempt(() => api.POST("/v1/albums/{album}/groups/{group}/split", { params, body: { faces } }), t("album.did.split"))}>
              <Icon name="split" /> {t("album.split", { n: faces.length })}
            </button>
            <button class="button tight" onClick={() => attempt(() => api.POST("/v1/albums/{album}/groups/{group}/exclude", { params, body: { faces } }), t("album.did.exclude"))}>
              <Icon name="close" /> {t("album.exclude")}
            </button>
          </>
        )}
        {group.name && may("enrol") && (
          <button class="button tight" onClick={() => attempt(async () => {
            await api.POST("/v1/albums/{album}/groups/{group}/enrol", { params, body: {} });
            say(t("album.enrolled", { name: group.name ?? "" }));
          })}>
            <Icon name="add" /> {t("album.enrol")}
          </button>
        )}
      </div>
      <div class="chips">
        {group.faces.slice(0, 40).map((one) => (
          <button key={one.id} class="pick" aria-pressed={faces.includes(one.id)} aria-label={t("album.face", { n: one.id })}
            onClick={() => setFaces(faces.includes(one.id) ? faces.filter((id) => id !== one.id) : [...faces, one.id])}>
            <img class="face" src={faceOf(album, one.id)} alt="" loading="lazy" />
          </button>
        ))}
        {group.faces.length > 40 && <span class="soft">+ {group.faces.length - 40}</span>}
      </div>
    </li>
  );
}
