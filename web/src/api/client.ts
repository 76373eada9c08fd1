// The one way to the server: cookies for who, a token with each write, problems as errors.
import createClient, { type Middleware } from "openapi-fetch";
import type { paths } from "./schema";

/** A request that the server refused, in its own words. */
export class Failure extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly status: number,
    readonly request: string | null,
    readonly details: Record<string, unknown> = {},
  ) {
    super(message);
  }
}

/** What went wrong, in the words of the server. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

let token: string | null = null;
let lost: () => void = () => {};

/** Send this token with every write from now on. */
export function useToken(csrf: string | null): void {
  token = csrf;
}

/** Call this when the session has ended. */
export function onLost(call: () => void): void {
  lost = call;
}

const middleware: Middleware = {
  onRequest({ request }) {
    if (token && !["GET", "HEAD"].includes(request.method)) request.headers.set("X-CSRF-Token", token);
    return request;
  },
  async onResponse({ response }) {
    if (response.ok) return response;
    if (response.status === 401) lost();
    throw await failure(response);
  },
  onError() {
    return new Failure("unreachable", "The server does not answer. Is it running?", 0, null);
  },
};

async function failure(response: Response): Promise<Failure> {
  const body = await response.json().catch(() => null);
  const error = body?.error ?? { code: "http", message: `${response.status} ${response.statusText}` };
  return new Failure(error.code, error.message, response.status, body?.request_id ?? null, error.details);
}

export const api = createClient<paths>({ baseUrl: location.origin, credentials: "same-origin" });
api.use(middleware);

/** Return the body of an answer; a problem was thrown before. */
export async function body<T>(answer: Promise<{ data?: T }>): Promise<T> {
  return (await answer).data as T;
}

/** Put fields into a form; absent ones are left out, arrays are repeated. */
export function form(fields: Record<string, unknown>): FormData {
  const data = new FormData();
  for (const [name, value] of Object.entries(fields)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one instanceof Blob) data.append(name, one);
      else if (one !== undefined && one !== null) data.append(name, String(one));
    }
  }
  return data;
}

/** Upload a form and report how much was sent; `fetch` cannot do that. */
export function upload<T>(path: string, data: FormData, onProgress: (sent: number, total: number) => void): Promise<T> {
  return new Promise((done, fail) => {
    const request = new XMLHttpRequest();
    request.open("POST", path);
    if (token) request.setRequestHeader("X-CSRF-Token", token);
    request.responseType = "json";
    request.upload.onprogress = (event) => onProgress(event.loaded, event.total);
    request.onerror = () => fail(new Failure("unreachable", "The connection broke while the file was sent.", 0, null));
    request.onload = () => {
      if (request.status < 300) return done(request.response as T);
      const error = request.response?.error ?? { code: "http", message: request.statusText };
      fail(new Failure(error.code, error.message, request.status, request.response?.request_id ?? null));
    };
    request.send(data);
  });
}
