// What a page on paper needs: all rows of lists, each command, and a still picture of each film.
import { signal } from "@preact/signals";

/** Whether the page is being printed. */
export const printing = signal(false);

/** Put a picture of the present frame beside each film: browsers print films as white areas. */
function holdFilms(): void {
  for (const film of document.querySelectorAll("video")) {
    if (!film.videoWidth) continue;
    const still = document.createElement("canvas");
    still.className = "still print-only";
    [still.width, still.height] = [film.videoWidth, film.videoHeight];
    const pen = still.getContext("2d");
    pen?.drawImage(film, 0, 0);
    const mesh = film.parentElement?.querySelector<HTMLCanvasElement>("canvas.mesh");
    if (mesh?.width) pen?.drawImage(mesh, 0, 0, still.width, still.height);
    film.after(still);
  }
}

addEventListener("beforeprint", () => {
  printing.value = true;
  holdFilms();
});
addEventListener("afterprint", () => {
  printing.value = false;
  document.querySelectorAll("canvas.still").forEach((one) => one.remove());
});
