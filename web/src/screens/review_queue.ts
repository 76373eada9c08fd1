import { effect, signal } from "@preact/signals";
import { api } from "../api/client";
import { allowed, session } from "../api/session";

/** Number of open questions, for the rail. */
export const waiting = signal(0);

effect(() => {
  if (session.value && allowed("review")) void count();
});

export async function count(): Promise<void> {
  const { data } = await api.GET("/v1/review", { params: { query: { limit: 1 } } });
  waiting.value = data?.total ?? 0;
}
