// The points of a face, drawn as a mesh over the film, in step with the frame that is shown.
import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { api, body } from "../api/client";
import type { FacePoints } from "../api/types";
import { t } from "../words";
import { nearest } from "./nearest";

// Lines through the 68 points of iBUG; a closed line ends where it begins.
const run = (first: number, last: number, closed = false) => [...Array.from({ length: last - first + 1 }, (_, n) => first + n), ...(closed ? [first] : [])];
const OUTLINES = [run(0, 16), run(17, 21), run(22, 26), run(27, 30), run(31, 35), run(36, 41, true), run(42, 47, true), run(48, 59, true), run(60, 67, true)];
// Delaunay edges of the mean face between them; none crosses an eye or the mouth.
const EDGES =
  "0,17 0,36 1,31 1,36 1,41 2,31 2,48 3,48 4,48 5,48 5,59 6,58 6,59 7,57 7,58 8,57 9,56 9,57 10,55 10,56 11,54 11,55 12,54 13,54 14,35 14,54 15,35 15,45 15,46 16,26 16,45 17,36 17,37 18,37 19,24 19,37 20,22 20,23 20,24 20,37 20,38 21,22 21,27 21,38 21,39 22,27 22,42 22,43 23,43 23,44 24,44 25,44 26,44 26,45 27,39 27,42 28,39 28,42 29,31 29,35 29,39 29,42 30,31 30,32 30,33 30,34 30,35 31,39 31,40 31,41 31,48 31,49 32,49 32,50 33,50 33,51 33,52 34,52 34,53 35,42 35,46 35,47 35,53 35,54 48,60 49,59 49,60 49,61 49,67 50,61 51,61 51,62 51,63 52,63 53,55 53,63 53,64 53,65 54,64 55,64 55,65 56,65 57,65 57,66 57,67 58,67 59,60 59,67"
    .split(" ")
    .map((pair) => pair.split(",").map(Number) as [number, number]);
const AHEAD = 2; // s before the end of a part at which the next one is loaded
const KEPT = 20; // parts, of up to 300 frames each

interface Part extends FacePoints {
  start: number;
}

interface Props {
  film: string;
  who: string;
  video: RefObject<HTMLVideoElement | null>;
  onTrouble: (error: unknown) => void;
}

export function FaceMesh({ film, who, video, onTrouble }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const shown = video.current;
    if (!shown) return;
    let parts: Part[] = [];
    const loading = new Set<number>();
    let last = shown.currentTime;
    let ended = false;
    const covers = (part: Part, time: number) => time >= part.start && (part.until == null || time < part.until);
    const load = async (start: number) => {
      if (loading.has(start)) return;
      loading.add(start);
      try {
        const part = await body(api.GET("/v1/films/{film}/readings/points", { params: { path: { film }, query: { who, start } } }));
        parts = [...parts, { ...part, start }].slice(-KEPT);
        loading.delete(start);
        if (!ended) draw(last);
      } catch (error) {
        if (!ended) onTrouble(error); // and is not asked for again
      }
    };
    const draw = (time: number) => {
      last = time;
      const part = parts.find((one) => covers(one, time));
      if (!part && !loading.size) void load(Math.max(0, time - 0.5));
      if (part?.until != null && part.until - time < AHEAD && !parts.some((one) => covers(one, part.until as number))) void load(part.until);
      const row = part ? nearest(part.times, time) : -1;
      if (canvas.current) paint(canvas.current, shown, part?.points[row], part?.size ?? [1, 1]);
    };
    const here = () => draw(shown.currentTime);
    let ticket = 0;
    const frame = (_: number, facts: { mediaTime: number }) => {
      draw(facts.mediaTime);
      ticket = shown.requestVideoFrameCallback(frame);
    };
    ticket = shown.requestVideoFrameCallback?.(frame);
    const events = ["seeked", "loadeddata", "timeupdate"];
    for (const one of events) shown.addEventListener(one, here);
    const size = new ResizeObserver(here);
    size.observe(shown);
    here();
    return () => {
      ended = true;
      size.disconnect();
      for (const one of events) shown.removeEventListener(one, here);
      shown.cancelVideoFrameCallback?.(ticket);
    };
  }, [film, who]);
  return <canvas ref={canvas} class="mesh" role="img" aria-label={t("mesh.label", { who })} />;
}

/** Draw the points of one face over the picture of a video; none clears it. */
function paint(canvas: HTMLCanvasElement, video: HTMLVideoElement, points: number[] | undefined, size: number[]): void {
  const scale = devicePixelRatio || 1;
  const [width, height] = [video.clientWidth, video.clientHeight];
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  canvas.dataset.points = String((points?.length ?? 0) / 2);
  const pen = canvas.getContext("2d");
  if (!pen || !points) return;
  const [rows, columns] = size as [number, number];
  const fit = Math.min(width / columns, height / rows); // the picture may have borders
  pen.setTransform(scale * fit, 0, 0, scale * fit, (scale * (width - fit * columns)) / 2, (scale * (height - fit * rows)) / 2);
  const line = (places: number[]) => {
    places.forEach((place, n) => pen[n ? "lineTo" : "moveTo"](points[2 * place] as number, points[2 * place + 1] as number));
  };
  const stroke = (lines: number[][], colour: string, thick: number) => {
    pen.beginPath();
    lines.forEach(line);
    pen.strokeStyle = colour;
    pen.lineWidth = thick / fit;
    pen.stroke();
  };
  stroke(EDGES, "rgb(0 0 0 / 0.3)", 2);
  stroke(EDGES, "rgb(255 255 255 / 0.5)", 1);
  stroke(OUTLINES, "rgb(0 0 0 / 0.55)", 4);
  stroke(OUTLINES, "#6cbcf0", 2);
}
