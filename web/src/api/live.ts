import { api, body } from "./client";

interface How {
  session: string;
  gallery: string;
  rate: number;
  purpose?: string;
}

/** Send one frame of a camera; the answer has the faces in it, followed and named. */
export function sendFrame(jpeg: Blob, query: How) {
  return body(
    api.POST("/v1/live/frames", {
      params: { query },
      body: jpeg as never,
      bodySerializer: (frame: unknown) => frame as BodyInit,
      headers: { "Content-Type": "image/jpeg" },
    }),
  );
}
