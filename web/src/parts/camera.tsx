// The camera of this computer: one frame of it, and a photo that is taken with it.
import { useEffect, useRef, useState } from "preact/hooks";
import { messageOf } from "../api/client";
import { fail } from "../state";
import { t } from "../words";
import { Ask } from "./ask";
import { Icon } from "./icon";

export const WIDTH = 640; // px of a frame that is sent

/** The present frame as JPEG, at most `most` px wide; null before the first one. */
export async function snapshot(video: HTMLVideoElement | null, canvas: HTMLCanvasElement, most = WIDTH): Promise<Blob | null> {
  if (!video || video.readyState < 2 || !video.videoWidth) return null;
  const scale = Math.min(1, most / video.videoWidth);
  canvas.width = Math.round(video.videoWidth * scale);
  canvas.height = Math.round(video.videoHeight * scale);
  canvas.getContext("2d")?.drawImage(video, 0, 0, canvas.width, canvas.height);
  return new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.85));
}

/** A button that opens the camera, and returns one photo as a file. */
export function TakePhoto({ onPhoto }: { onPhoto: (photo: File) => void }) {
  const [stream, setStream] = useState<MediaStream | null>(null);
  const [ready, setReady] = useState(false); // the first frame is there
  const video = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    setReady(false);
    if (video.current && stream) video.current.srcObject = stream;
    return () => {
      for (const track of stream?.getTracks() ?? []) track.stop();
    };
  }, [stream]);
  const start = () =>
    void navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 1920 } }, audio: false }).then(setStream, (error: unknown) => fail(new Error(t("live.refused", { why: messageOf(error) }))));
  const take = async () => {
    const photo = await snapshot(video.current, document.createElement("canvas"), 1920);
    if (!photo) return;
    setStream(null);
    onPhoto(new File([photo], `camera-${new Date().toISOString().slice(0, 19).replaceAll(":", "-")}.jpg`, { type: "image/jpeg" }));
  };
  return (
    <>
      {navigator.mediaDevices && (
        <button class="button" onClick={start}>
          <Icon name="camera" /> {t("camera.open")}
        </button>
      )}
      {stream && (
        <Ask title={t("camera.open")} onClose={() => setStream(null)}>
          <div class="stage">
            <video ref={video} autoPlay muted playsInline aria-label={t("nav.live")} onLoadedData={() => setReady(true)} />
          </div>
          <button class="button first" disabled={!ready} onClick={() => void take().catch(fail)}>
            <Icon name="camera" /> {t("camera.take")}
          </button>
        </Ask>
      )}
    </>
  );
}
