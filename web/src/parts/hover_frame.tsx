// The frame of a film at the pointer, above its timeline.
import { useEffect, useRef, useState } from "preact/hooks";
import { clock } from "../words";

export interface Hover {
  time: number; // s
  x: number; // px from the left of the lanes
}

export function HoverFrame({ film, at }: { film: string; at: Hover | null }) {
  const video = useRef<HTMLVideoElement>(null);
  const [fails, setFails] = useState(false);
  const wanted = useRef(0);
  useEffect(() => {
    if (!at) return;
    wanted.current = at.time;
    if (video.current && !video.current.seeking) video.current.currentTime = at.time;
  }, [at?.time]);
  const next = () => {
    const shown = video.current;
    if (!shown) return;
    shown.dataset.time = shown.currentTime.toFixed(1);
    // The pointer moved on while the frame was decoded.
    if (Math.abs(shown.currentTime - wanted.current) > 0.05) shown.currentTime = wanted.current;
  };
  if (!at || fails) return null;
  return (
    <div class="hover-frame" aria-hidden="true" style={{ left: `clamp(84px, ${at.x}px, 100% - 84px)` }}>
      <video ref={video} src={`/v1/films/${film}/file`} muted preload="auto" onLoadedMetadata={next} onSeeked={next} onError={() => setFails(true)} />
      <span>{clock(at.time)}</span>
    </div>
  );
}
