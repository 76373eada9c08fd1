// What a camera of the operator has seen: pages by cursor, then each event as it is stored.
import { useEffect, useState } from "preact/hooks";
import { api, body } from "../api/client";
import type { CameraEvent } from "../api/types";
import { coded, moment, t } from "../words";
import { Command } from "./command";
import { curl } from "./shell";
import { Trouble, Working } from "./states";

const PAGE = 100; // events of one answer
const SHOWN = 500;

export function CameraLog({ camera }: { camera: string }) {
  const [events, setEvents] = useState<CameraEvent[]>([]); // newest first
  const [next, setNext] = useState<number | null>(null); // cursor; null: the log is read to its end
  const [busy, setBusy] = useState(true);
  const [trouble, setTrouble] = useState<unknown>(null);
  const [end, setEnd] = useState<number | null>(null); // where the stream goes on
  const add = (fresh: CameraEvent[]) => setEvents((known) => [...fresh.toReversed(), ...known].slice(0, SHOWN));
  const read = (after: number) => {
    setBusy(true);
    body(api.GET("/v1/cameras/{camera}/events", { params: { path: { camera }, query: { after, limit: PAGE } } }))
      .then((page) => {
        add(page.items);
        const whole = page.items.length === PAGE;
        setNext(whole ? page.next : null);
        if (!whole) setEnd(page.next);
      }, setTrouble)
      .finally(() => setBusy(false));
  };
  useEffect(() => read(0), []);
  useEffect(() => {
    if (end === null) return;
    const stream = new EventSource(`/v1/cameras/${encodeURIComponent(camera)}/stream?after=${end}`);
    const hear = (event: MessageEvent<string>) => add([JSON.parse(event.data) as CameraEvent]);
    for (const kind of KINDS) stream.addEventListener(kind, hear);
    return () => stream.close();
  }, [end]);
  if (trouble !== null) return <Trouble error={trouble} />;
  return (
    <>
      {busy && <Working label={t("loading")} />}
      {next !== null && !busy && (
        <button class="button tight" onClick={() => read(next)}>
          {t("cameras.later")}
        </button>
      )}
      {!busy && events.length === 0 && <p class="small soft">{t("live.events.none")}</p>}
      <ol class="events" aria-live="polite" tabIndex={0}>
        {events.map((one) => (
          <li key={one.id} class="small">
            <time class="soft">{moment(one.at)}</time> {coded("cameras.state", one.kind) ?? one.kind}
            {one.person && `: ${one.person}`}
          </li>
        ))}
      </ol>
      <Command line={curl(`/v1/cameras/${camera}/events?after=0`)} />
    </>
  );
}

const KINDS = ["start", "enter", "name", "exit", "end", "lost"];
