// Short names of the parts of the API that the page shows.
import type { components } from "./schema";

type Part = components["schemas"];
export type FaceRow = Part["Face"];
export type ImageAnswer = Part["ImageAnswer"];
export type UnreadImage = Part["UnreadImage"];
export type Answer = ImageAnswer | UnreadImage;
export type Decision = Part["Decision"];
export type FacePoints = Part["FacePoints"];
export type FilmAnswer = Part["FilmAnswer"];
export type FilmFacts = Part["FilmFacts"];
export type GroupShare = Part["GroupShare"];
export type JobFacts = Part["JobFacts"];
export type Gallery = Part["GalleryFacts"];
export type Person = Part["PersonFacts"];
export type PersonDetails = Part["PersonDetails"];
export type Question = Part["Question"];
export type Session = Part["SessionFacts"];
export type NewBasis = Part["NewBasis"];
export type Calibration = Part["CalibrationFacts"];
export type CameraEvent = Part["EventFacts"];
export type ModelChange = Part["ChangeFacts"];
export type ModelErrors = Part["ModelErrors"];
export type GalleryModel = Part["GalleryModel"];
export type Cost = Part["Cost"];

export function isRead(answer: Answer): answer is ImageAnswer {
  return "faces" in answer;
}

/** Whether a job will still change something. */
export function pending(job: JobFacts | null | undefined): boolean {
  return job?.state === "queued" || job?.state === "running";
}
