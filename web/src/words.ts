// The texts of the page: one JSON file per language in words/. A new file is a new language.
import { signal } from "@preact/signals";
import english from "./words/en.json";

type Words = Record<string, string>;
type Base<K> = K extends `${infer B}_one` | `${infer B}_other` ? B : K;
export type Key = Base<keyof typeof english>;

const files = import.meta.glob<{ default: Words }>("./words/*.json");
const codeOf = (path: string) => path.replace(/^.*\/|\.json$/g, "");

export const languages = Object.keys(files).map(codeOf);
export const language = signal("en");
const words = signal<Words>(english);

/** Load a language and use it; an unknown code is an error. */
export async function speak(code: string): Promise<void> {
  const load = files[`./words/${code}.json`];
  if (!load) throw new Error(`There are no texts in the language ${code}.`);
  words.value = (await load()).default;
  language.value = code;
  document.documentElement.lang = code;
  localStorage.setItem("language", code);
}

/** Return the code of the language that the user chose, else the best of the browser's. */
export function preferred(): string {
  const wanted = [localStorage.getItem("language"), ...navigator.languages];
  return wanted.map((code) => code?.slice(0, 2) ?? "").find((code) => languages.includes(code)) ?? "en";
}

/** Return a text. `{name}` is filled in; `n` chooses between the keys KEY_one and KEY_other. */
export function t(key: Key, values: Record<string, string | number> = {}): string {
  return fill(words.value, key, values);
}

/** Return a text whose key the API decides, such as a reason code, or undefined. */
export function coded(kind: string, code: string): string | undefined {
  const key = `${kind}.${code}`;
  return (words.value as Words)[key] ?? (english as Words)[key];
}

function fill(catalogue: Words, key: string, values: Record<string, string | number>): string {
  const n = values.n;
  const form = typeof n === "number" ? new Intl.PluralRules(language.value).select(n) : "other";
  const text =
    catalogue[`${key}_${form}`] ?? catalogue[`${key}_other`] ?? catalogue[key] ?? (english as Words)[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = values[name];
    return value === undefined ? whole : typeof value === "number" ? number(value) : value;
  });
}

/** Format a number for the reader. */
export function number(value: number, digits = 0): string {
  return value.toLocaleString(language.value, { maximumFractionDigits: digits, minimumFractionDigits: 0 });
}

/** Format a share as a percentage; near 0 and 1 as a bound, never as 0 % or 100 %. */
export function percent(share: number): string {
  const bound = share > 0.999 ? "> " : share < 0.001 ? "< " : "";
  const shown = Math.min(Math.max(share, 0.001), 0.999);
  const digits = shown > 0.99 || shown < 0.01 ? 1 : 0;
  return bound + shown.toLocaleString(language.value, { style: "percent", maximumFractionDigits: digits });
}

/** A text of the server without its final point, to stand inside a sentence. */
export const bare = (text: string) => text.replace(/\.$/, "");

/** Format seconds as 1:02:03. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (value: number) => String(value).padStart(2, "0");
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** Format an ISO date and time for the reader. */
export function moment(iso: string): string {
  return new Date(iso).toLocaleString(language.value, { dateStyle: "medium", timeStyle: "short" });
}

/** Format the day of an ISO date and time for the reader. */
export function day(iso: string): string {
  return new Date(iso).toLocaleDateString(language.value, { dateStyle: "medium" });
}

/** Say how rare a score is: "1 in 700". Rounded to two digits, as it is not known better. */
export function oneIn(score: number): string {
  const value = 10 ** score;
  const digits = Math.max(0, Math.floor(Math.log10(value)) - 1);
  return number(Math.round(value / 10 ** digits) * 10 ** digits);
}
