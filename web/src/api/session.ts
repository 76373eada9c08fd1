// Who is signed in, and which gallery is open.
import { computed, effect, signal } from "@preact/signals";
import { api, body, onLost, useToken } from "./client";
import type { Gallery, Session } from "./types";

/** undefined: not known yet; null: nobody is signed in. */
export const session = signal<Session | null | undefined>(undefined);
export const galleries = signal<Gallery[]>([]);
export const gallery = signal(localStorage.getItem("gallery") ?? "people");
export const purpose = signal(localStorage.getItem("purpose") ?? "");
export const governed = computed(() => galleries.value.find((one) => one.name === gallery.value)?.kind === "governed");

effect(() => localStorage.setItem("gallery", gallery.value));
effect(() => localStorage.setItem("purpose", purpose.value));
onLost(() => (session.value = null));

export function may(...scopes: string[]): boolean {
  return scopes.some((scope) => session.value?.scopes.includes(scope)) || !!session.value?.scopes.includes("admin");
}

const NEEDS: Record<string, string[]> = {
  identify: ["identify"],
  live: ["identify"],
  analysis: ["identify"],
  people: ["enrol", "review"],
  review: ["review"],
  films: ["review"],
};

/** Whether this key may use a screen. */
export function allowed(screen: string): boolean {
  const needs = NEEDS[screen];
  return needs === undefined || may(...needs);
}

async function begin(found: Session): Promise<void> {
  useToken(found.csrf ?? null);
  session.value = found;
  await reloadGalleries();
}

export async function reloadGalleries(): Promise<void> {
  galleries.value = await body(api.GET("/v1/galleries"));
  if (galleries.value.length && !galleries.value.some((one) => one.name === gallery.value)) {
    gallery.value = galleries.value[0]?.name ?? "people";
  }
}

export async function resume(): Promise<void> {
  try {
    await begin(await body(api.GET("/v1/session")));
  } catch {
    session.value = null;
  }
}

export async function enter(key: string): Promise<void> {
  await begin(await body(api.POST("/v1/session", { body: { key } })));
}

export async function leave(): Promise<void> {
  await api.DELETE("/v1/session");
  useToken(null);
  session.value = null;
}

/** The purpose of a search; only a governed gallery asks for one. */
export function stated(): { purpose?: string } {
  return governed.value && purpose.value ? { purpose: purpose.value } : {};
}
