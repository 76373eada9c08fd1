// What the whole page shares: who is signed in, the gallery, how strict, messages, undo.
import { messageOf } from "./api/client";
import { computed, effect, signal } from "@preact/signals";

export type Theme = "auto" | "light" | "dark";
export type Tone = "good" | "error" | "info";

export interface Message {
  id: number;
  tone: Tone;
  text: string;
  undo?: () => Promise<void>;
}

interface Step {
  label: string;
  back: () => Promise<void>;
}

const stored = <T extends string>(key: string, values: readonly T[], fallback: T): T => {
  const value = localStorage.getItem(key) as T | null;
  return value !== null && values.includes(value) ? value : fallback;
};

export const route = signal(readRoute());
export const theme = signal<Theme>(stored("theme", ["auto", "light", "dark"] as const, "auto"));
export const online = signal(navigator.onLine);
export const messages = signal<Message[]>([]);
export const undoable = signal<Step[]>([]);
export const paletteOpen = signal(false);

/** A stranger gets a name in 1 of this many searches. */
export const STRICTNESS = [10, 20, 50, 100, 200, 500, 1000] as const;
export const strictness = signal(Number(stored("strictness", STRICTNESS.map(String), "100")));

effect(() => localStorage.setItem("strictness", String(strictness.value)));
effect(() => {
  localStorage.setItem("theme", theme.value);
  if (theme.value === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme.value;
});

/** What happens to a face that may be a photo or a screen: nothing, a note, or no name. */
export const REAL = ["off", "warn", "refuse"] as const;
export const liveness = signal<(typeof REAL)[number]>(stored("liveness", REAL, "off"));
effect(() => localStorage.setItem("liveness", liveness.value));

addEventListener("hashchange", () => (route.value = readRoute()));
addEventListener("online", () => (online.value = true));
addEventListener("offline", () => (online.value = false));

function readRoute(): string[] {
  const parts = location.hash.replace(/^#\/?/, "").split("/").filter(Boolean).map(decodeURIComponent);
  return parts.length ? parts : ["identify"];
}

export const screen = computed(() => route.value[0] ?? "identify");

export function go(...parts: (string | number)[]): void {
  location.hash = "/" + parts.map((part) => encodeURIComponent(part)).join("/");
}

let last = 0;

/** Show a message for a while; an error stays until it is closed. */
export function say(text: string, tone: Tone = "good", undo?: () => Promise<void>): void {
  const id = ++last;
  messages.value = [...messages.value.slice(-3), { id, tone, text, ...(undo ? { undo } : {}) }];
  if (tone !== "error") setTimeout(() => hush(id), undo ? 10_000 : 5_000);
}

/** Say what went wrong. */
export function fail(error: unknown): void {
  say(messageOf(error), "error");
}

export function hush(id: number): void {
  messages.value = messages.value.filter((one) => one.id !== id);
}

/** Remember how to take an action back, and say what was done. */
export function did(label: string, back: () => Promise<void>): void {
  const step = { label, back };
  undoable.value = [...undoable.value, step].slice(-50);
  say(label, "good", () => undo(step));
}

/** Take back a step, by default the latest one. */
export async function undo(step = undoable.value.at(-1)): Promise<void> {
  if (!step) return;
  undoable.value = undoable.value.filter((one) => one !== step);
  await step.back();
}
