import { useEffect, useRef, useState } from "preact/hooks";
import { portraitOf, searchPeople } from "../api/calls";
import { api, body, form, messageOf } from "../api/client";
import { gallery, may, stated } from "../api/session";
import { pending, type Person, type Question } from "../api/types";
import { Drop } from "../parts/drop";
import { Icon } from "../parts/icon";
import { Scale } from "../parts/scale";
import { Sure } from "../parts/sure";
import { Empty, Show, useLoad, Working } from "../parts/states";
import { fail, route, say } from "../state";
import { moment, oneIn, t } from "../words";
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
  const [busy, setBusy] = useState(false);
  const [given, setGiven] = useState(0);
  const question = found.state === "done" ? found.value.items[0] : undefined;
  useEffect(() => {
    if (found.state === "done") waiting.value = found.value.total;
  }, [found]);
  const reply = async (choice: Choice, person?: number) => {
    if (!question || busy) return;
    setBusy(true);
    try {
      const answer = { answer: choice, enrol: may("enrol"), ...(person ? { person } : {}) };
      await api.POST("/v1/review/{question}", { params: { path: { question: question.id } }, body: answer });
      setGiven(given + 1);
      again();
    } catch (error) {
      fail(error);
      again();
    } finally {
      setBusy(false);
    }
  };
  const back = async () => {
    try {
      await api.POST("/v1/review/undo");
      setGiven(Math.max(0, given - 1));
      again();
    } catch (error) {
      say(messageOf(error), "info");
    }
  };
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (writing(event) || event.ctrlKey || event.metaKey || event.altKey) return;
      const run = { y: () => reply("yes"), n: () => reply("no"), s: () => reply("skip"), u: back, m: () => reply("yes") }[event.key.toLowerCase()];
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
              <Working label={t("review.progress", { done: given, n: queue.total })} done={given} total={given + queue.total} />
              <Asked key={question.id} question={question} onReply={reply} onBack={back} />
            </div>
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

function Asked({ question, onReply, onBack }: { question: Question; onReply: (choice: Choice, person?: number) => void; onBack: () => void }) {
  const [first, second] = question.groups;
  const name = question.person?.name ?? second?.name ?? first?.name ?? "";
  const heading = question.kind === "who" ? t("review.who", { name }) : t("review.same");
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => button.current?.focus({ preventScroll: true }), []);
  return (
    <article class="card cards">
      <h2>{heading}</h2>
      <div class="pair">
        {first && <Faces album={question.album} ids={first.faces} label={first.name ?? t("review.group", { n: first.size })} />}
        {question.person ? (
          <figure>
            <Reference gallery={question.gallery} person={question.person.id} name={question.person.name} />
            <figcaption>{question.person.name}</figcaption>
          </figure>
        ) : (
          second && <Faces album={question.album} ids={second.faces} label={second.name ?? t("review.group", { n: second.size })} />
        )}
      </div>
      {question.score != null && question.threshold != null && (
        <>
          <p class="sentence">{t("review.rare", { rare: oneIn(question.score) })}</p>
          <Scale outcome="review" score={question.score} threshold={question.threshold} runner={null} />
        </>
      )}
      <div class="answers">
        <button ref={button} class="button" onClick={() => onReply("yes")}>
          <Icon name="check" /> {t("review.yes")} <kbd>Y</kbd>
        </button>
        <button class="button" onClick={() => onReply("no")}>
          <Icon name="close" /> {t("review.no")} <kbd>N</kbd>
        </button>
        <button class="button" onClick={() => onReply("skip")}>
          {t("review.skip")} <kbd>S</kbd>
        </button>
      </div>
      <div class="actions">
        <button class="button bare tight" onClick={onBack}>
          <Icon name="undo" /> {t("undo")} <kbd>U</kbd>
        </button>
        {question.kind === "who" && <Other onPerson={(one) => onReply("other", one.id)} />}
      </div>
    </article>
  );
}

function Faces({ album, ids, label }: { album: string; ids: number[]; label: string }) {
  return (
    <figure>
      <img class="face big" src={faceOf(album, ids[0] ?? 0)} alt={label} />
      <div class="chips" style={{ marginTop: "8px" }}>
        {ids.slice(1, 6).map((one) => (
          <img key={one} class="face" style={{ width: 44, height: 44 }} src={faceOf(album, one)} alt="" />
        ))}
      </div>
      <figcaption>{label}</figcaption>
    </figure>
  );
}

function Reference({ gallery: name, person, name: title }: { gallery: string; person: number; name: string }) {
  const [gone, setGone] = useState(false);
  if (gone) return <div class="face big initial">{title.slice(0, 1).toLocaleUpperCase()}</div>;
  return <img class="face big" src={portraitOf(name, person)} alt={title} onError={() => setGone(true)} />;
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
                {pending(one.job) && <Working label={t("album.grouping")} {...(one.job?.progress ?? {})} />}
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
      <p>
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
