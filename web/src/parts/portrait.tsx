import { useState } from "preact/hooks";
import { portraitOf } from "../api/calls";
import { gallery } from "../api/session";
import type { Person } from "../api/types";
import { coded } from "../words";
import { Icon } from "./icon";

/** The picture of a person; the first letter if the server has none. */
export function Portrait({ person }: { person: Person }) {
  const [gone, setGone] = useState(!person.portrait);
  if (gone) return <div class="face initial" aria-hidden="true">{person.name.slice(0, 1).toLocaleUpperCase()}</div>;
  return <img class="face" src={portraitOf(gallery.value, person.id)} alt="" loading="lazy" onError={() => setGone(true)} />;
}

interface Outcome {
  photo: string;
  outcome: string;
  detail?: string | null;
}

/** What became of photos that were to be enrolled. */
export function Results({ rows }: { rows: Outcome[] }) {
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

