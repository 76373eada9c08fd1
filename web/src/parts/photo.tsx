// A photo with its faces boxed. The picture stays on this computer: only its pixels are shown.
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { FaceRow } from "../api/types";
import { t } from "../words";
import type { Outcome } from "./icon";

export type Box = [number, number, number, number]; // left, top, right, bottom, px of the photo

interface Props {
  source: Blob;
  size: [number, number]; // height, width of the upright photo
  faces: FaceRow[];
  chosen: number | null;
  onChoose: (face: number) => void;
  onDraw?: ((box: Box) => void) | undefined; // set: a box can be drawn
}

export function outcomeOf(face: FaceRow): Outcome {
  return (face.decision?.outcome as Outcome | undefined) ?? "found";
}

export function nameOf(face: FaceRow): string {
  const decision = face.decision;
  if (!decision) return t("face.found");
  if (decision.outcome === "match") return decision.person ?? "";
  const likely = decision.candidates?.[0]?.person;
  return decision.outcome === "review" && likely ? t("face.perhaps", { name: likely }) : t("outcome.unknown");
}

/** An object URL of a blob for as long as it is shown. */
export function useUrl(source: Blob | null): string {
  const url = useMemo(() => (source ? URL.createObjectURL(source) : ""), [source]);
  useEffect(() => () => URL.revokeObjectURL(url), [url]);
  return url;
}

export function Photo({ source, size, faces, chosen, onChoose, onDraw }: Props) {
  const url = useUrl(source);
  const [height, width] = size;
  const [drawn, setDrawn] = useState<Box | null>(null);
  const from = useRef<[number, number] | null>(null);
  const place = (event: PointerEvent): [number, number] => {
    const sheet = (event.currentTarget as Element).getBoundingClientRect();
    const share = (value: number) => Math.min(1, Math.max(0, value));
    return [
      share((event.clientX - sheet.left) / sheet.width) * width,
      share((event.clientY - sheet.top) / sheet.height) * height,
    ];
  };
  const move = (event: PointerEvent) => {
    if (!from.current) return;
    const [[a, b], [x, y]] = [from.current, place(event)];
    setDrawn([Math.min(a, x), Math.min(b, y), Math.max(a, x), Math.max(b, y)]);
  };
  // A box by keyboard: arrows move it, with Shift they change its size, Enter takes it.
  const press = (event: KeyboardEvent) => {
    const steps: Record<string, [number, number]> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const [right, down] = steps[event.key] ?? [0, 0];
    if (event.key === "Enter" && drawn) end();
    if (!right && !down) return;
    event.preventDefault();
    const [x, y] = [(right * width) / 50, (down * height) / 50];
    const [l, t0, r, b] = drawn ?? [0.4 * width, 0.4 * height, 0.6 * width, 0.6 * height];
    setDrawn(event.shiftKey ? [l, t0, Math.max(l + 9, r + x), Math.max(t0 + 9, b + y)] : [l + x, t0 + y, r + x, b + y]);
  };
  const sheet = useRef<HTMLDivElement>(null);
  // Before the next key, which belongs to the box.
  useLayoutEffect(() => {
    if (onDraw) sheet.current?.focus();
  }, [onDraw === undefined]);
  const end = () => {
    if (drawn && drawn[2] - drawn[0] > 8 && drawn[3] - drawn[1] > 8) onDraw?.(drawn);
    from.current = null;
    setDrawn(null);
  };
  return (
    <div class="stage">
      <div
        ref={sheet}
        class="sheet"
        {...(onDraw ? { tabIndex: 0, role: "application", "aria-label": t("identify.draw.keys"), onKeyDown: press } : {})}
        style={onDraw ? { cursor: "crosshair", touchAction: "none" } : {}}
        onPointerDown={onDraw ? (event) => (from.current = place(event)) : undefined}
        onPointerMove={onDraw ? move : undefined}
        onPointerUp={onDraw ? end : undefined}
      >
        <img src={url} width={width} height={height} alt={t("photo.says", { n: faces.length })} draggable={false} />
        <svg class="boxes" viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" aria-hidden="true">
          {faces.map((face, number) => (
            <g key={number} onClick={() => !onDraw && onChoose(number)}>
              <rect class="halo" {...corners(face.box as Box)} />
              <rect class={outcomeOf(face)} {...corners(face.box as Box)} style={chosen === number ? { strokeWidth: 4 } : {}} />
            </g>
          ))}
          {drawn && <rect class="drawn" {...corners(drawn)} />}
        </svg>
        <div class="labels">
          {faces.map((face, number) => (
            <span
              key={number}
              class={(face.box[1] ?? 0) < 0.07 * height ? "below" : ""}
              style={{
                left: `${(100 * Math.max(0, face.box[0] ?? 0)) / width}%`,
                top: `${(100 * Math.max(0, ((face.box[1] ?? 0) < 0.07 * height ? face.box[3] : face.box[1]) ?? 0)) / height}%`,
              }}
            >
              {nameOf(face)}
            </span>
          ))}
        </div>
      </div>
    </div>
  );
}

function corners([left, top, right, bottom]: Box) {
  return { x: left, y: top, width: Math.max(0, right - left), height: Math.max(0, bottom - top), rx: 4 };
}

/** A square cut from a photo around a box, drawn in the browser. */
export function Cut({ source, size, box, label }: { source: Blob; size: [number, number]; box: Box; label: string }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    let current = true;
    void createImageBitmap(source).then((bitmap) => {
      const context = canvas.current?.getContext("2d");
      if (!current || !context) return;
      const scale = bitmap.width / size[1];
      const side = Math.max(box[2] - box[0], box[3] - box[1]) * 1.5 * scale;
      const [x, y] = [((box[0] + box[2]) / 2) * scale, ((box[1] + box[3]) / 2) * scale];
      context.clearRect(0, 0, 128, 128);
      context.drawImage(bitmap, x - side / 2, y - side / 2, side, side, 0, 0, 128, 128);
      bitmap.close();
    });
    return () => {
      current = false;
    };
  }, [source, ...box]);
  return <canvas class="face" ref={canvas} width={128} height={128} role="img" aria-label={label} />;
}
