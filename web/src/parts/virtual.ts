import type { RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { printing } from "./print";

interface Window {
  first: number;
  last: number;
  above: number; // px before the first row that is drawn
  height: number; // px of all rows
  columns: number;
}

/**
 * Draw only the rows of a grid that can be seen; 10,000 faces scroll as well as ten.
 *
 * On paper all rows are drawn. A cell is as high as it is wide, and `below` px for its text.
 */
export function useVirtual(count: number, width: number, below = 0): [RefObject<HTMLDivElement | null>, Window] {
  const place = useRef<HTMLDivElement>(null);
  const [, redraw] = useState(0);
  useEffect(() => {
    let waiting = 0;
    const look = () => {
      cancelAnimationFrame(waiting);
      waiting = requestAnimationFrame(() => redraw((value) => value + 1));
    };
    addEventListener("scroll", look, { passive: true });
    addEventListener("resize", look);
    look();
    return () => {
      cancelAnimationFrame(waiting);
      removeEventListener("scroll", look);
      removeEventListener("resize", look);
    };
  }, []);
  if (printing.value) return [place, { first: 0, last: count, above: 0, height: 0, columns: 1 }];
  const box = place.current?.getBoundingClientRect();
  const columns = Math.max(1, Math.floor(((box?.width ?? 800) + 12) / (width + 12)));
  const cell = ((box?.width ?? 800) + 12) / columns + below;
  const rows = Math.ceil(count / columns);
  const from = Math.max(0, Math.floor(-(box?.top ?? 0) / cell) - 2);
  const until = Math.min(rows, Math.ceil((innerHeight - (box?.top ?? 0)) / cell) + 2);
  return [place, { first: from * columns, last: Math.max(until, 1) * columns, above: from * cell, height: rows * cell, columns }];
}
