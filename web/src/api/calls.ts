// Calls that more than one screen makes.
import { liveness, strictness } from "../state";
import { api, body, form } from "./client";
import { gallery, stated } from "./session";
import type { Answer, Cost, NewBasis, Person } from "./types";

const asForm = { bodySerializer: (fields: unknown) => form(fields as Record<string, unknown>) };

const HEADS = ["minifasnet", "liveness-texture"]; // of pictures in colour alone, the best first
let head: Promise<string | null> | null = null; // is asked for once, not for each photo

/** The liveness head of this server: the default one if its weights are there, else another. */
export function livenessHead(): Promise<string | null> {
  head ??= askForHead();
  head.catch(() => (head = null)); // so that the next photo asks again
  return head;
}

async function askForHead(): Promise<string | null> {
  const heads = await body(api.GET("/v1/models", { params: { query: { task: "liveness", kind: "clip-head" } } }));
  const ready = heads.filter((one) => one.fetched).map((one) => one.name);
  return HEADS.find((one) => ready.includes(one)) ?? ready[0] ?? null;
}

/** Identify the people of one photo. The server does not keep it. */
export async function identify(photo: Blob): Promise<Answer> {
  const check = liveness.value === "off" ? {} : { liveness: liveness.value, liveness_head: await livenessHead() };
  const fields = { photos: [photo], gallery: gallery.value, rate: 1 / strictness.value, details: true, ...stated(), ...check };
  const found = await body(api.POST("/v1/identify", { body: fields as never, ...asForm }));
  return found.answers[0] as Answer;
}

/** Read heads off the faces of one photo. */
export async function analyse(photo: Blob, heads: string): Promise<Answer> {
  const found = await body(api.POST("/v1/analyze", { body: { photos: [photo], heads } as never, ...asForm }));
  return found.answers[0] as Answer;
}

interface Enrol {
  name: string;
  photos: Blob[];
  boxes?: number[][];
  basis?: NewBasis;
  allow_conflicts?: boolean;
}

export async function enrol({ name, photos, boxes, basis, allow_conflicts }: Enrol) {
  const fields = {
    name,
    photos,
    boxes: boxes && JSON.stringify(boxes),
    basis: basis && JSON.stringify(basis),
    allow_conflicts: allow_conflicts ? "true" : undefined,
    retry: allow_conflicts ? "true" : undefined, // the photo was refused a moment ago
  };
  return body(
    api.POST("/v1/galleries/{gallery}/people", {
      params: { path: { gallery: gallery.value } },
      body: fields as never,
      ...asForm,
    }),
  );
}

/** Embed photos of the enrolment with the other model of a gallery. The server does not keep them. */
export function embedPhotos(photos: Blob[]) {
  const path = { gallery: gallery.value };
  return body(api.POST("/v1/galleries/{gallery}/model/photos", { params: { path }, body: { photos } as never, ...asForm }));
}

export async function searchPeople(name: string, search: string): Promise<Person[]> {
  const found = await body(
    api.GET("/v1/galleries/{gallery}/people", { params: { path: { gallery: name }, query: { search, limit: 8 } } }),
  );
  return found.items;
}

/** What a rate costs in this gallery. */
export async function costOf(name: string, rate: number): Promise<{ cost: Cost; on: string | null }> {
  const curve = await body(
    api.GET("/v1/galleries/{gallery}/rates", { params: { path: { gallery: name }, query: { rate: [rate] } } }),
  );
  return { cost: curve.costs[0] as Cost, on: curve.checked_on ?? null };
}

export const portraitOf = (name: string, person: number) =>
  `/v1/galleries/${encodeURIComponent(name)}/people/${person}/portrait`;
export const templatePicture = (name: string, person: number, template: number) =>
  `/v1/galleries/${encodeURIComponent(name)}/people/${person}/templates/${template}/picture`;
