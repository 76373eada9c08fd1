// The states of every screen besides "done": empty, working, failed, not allowed.
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Failure, messageOf } from "../api/client";
import { coded, t } from "../words";
import { Icon, type Line, OutcomeIcon } from "./icon";

export function Empty(props: { icon: Line; title: string; text: string; children?: ComponentChildren }) {
  return (
    <div class="none">
      <Icon name={props.icon} />
      <h2>{props.title}</h2>
      <p>{props.text}</p>
      {props.children}
    </div>
  );
}

/** What went wrong, in the words of the server, and what to do. */
export function Trouble({ error, again }: { error: unknown; again?: () => void }) {
  const code = error instanceof Failure ? error.code : "unexpected";
  const title = coded("trouble", code) ?? t("trouble.title");
  return (
    <div class="none" role="alert">
      <OutcomeIcon of="error" />
      <h2>{title}</h2>
      <p>{messageOf(error)}</p>
      {error instanceof Failure && error.request && (
        <small class="soft">{t("trouble.request", { id: error.request })}</small>
      )}
      {again && (
        <button class="button" onClick={again}>
          {t("again")}
        </button>
      )}
    </div>
  );
}

/** A bar with the time that is left, once it can be said. */
export function Working({ label, done, total, since }: { label: string; done?: number; total?: number; since?: number }) {
  const share = total ? (done ?? 0) / total : 0;
  const spent = since ? (Date.now() - since) / 1000 : 0;
  const left = share > 0.05 && spent > 2 ? Math.ceil((spent / share) * (1 - share)) : null;
  return (
    <div class="cards" role="status">
      <p>
        {label}
        {total ? <span class="soft"> {t("working.of", { done: done ?? 0, total })}</span> : null}
        {left !== null && <span class="soft"> · {t("working.left", { n: left })}</span>}
      </p>
      <div class="progress" role="progressbar" aria-label={label} aria-valuenow={Math.round(share * 100)} aria-valuemin={0} aria-valuemax={100}>
        <i style={{ width: total ? `${share * 100}%` : "35%" }} />
      </div>
    </div>
  );
}

export type Loaded<T> =
  | { state: "working" }
  | { state: "done"; value: T }
  | { state: "failed"; error: unknown };

/** Load something when `keys` change; `again` loads it anew and keeps the old value meanwhile. */
export function useLoad<T>(load: () => Promise<T>, keys: unknown[]): [Loaded<T>, () => void] {
  const [found, setFound] = useState<Loaded<T>>({ state: "working" });
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    let current = true;
    load().then(
      (value) => current && setFound({ state: "done", value }),
      (error: unknown) => current && setFound({ state: "failed", error }),
    );
    return () => {
      current = false;
    };
  }, [...keys, turn]);
  return [found, () => setTurn((value) => value + 1)];
}

/** Show what was loaded, or why not. */
export function Show<T>(props: { of: Loaded<T>; again: () => void; children: (value: T) => ComponentChildren }) {
  if (props.of.state === "working") return <Working label={t("loading")} />;
  if (props.of.state === "failed") return <Trouble error={props.of.error} again={props.again} />;
  return <>{props.children(props.of.value)}</>;
}
