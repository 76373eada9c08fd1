// A calibration on the people of this gallery: started, watched, and taken back.
import { useEffect, useState } from "preact/hooks";
import { api, body } from "../api/client";
import { gallery, may } from "../api/session";
import { type Calibration, type JobFacts, pending } from "../api/types";
import { fail, say, strictness } from "../state";
import { coded, t } from "../words";
import { Icon, OutcomeIcon } from "./icon";
import { Working } from "./states";
import { Sure } from "./sure";

export function Calibrate({ of, again }: { of: Calibration; again: () => void }) {
  const [job, setJob] = useState<JobFacts | null>(null);
  const path = { gallery: gallery.value };
  const { own, drift, people, points } = of;
  // The rate of each comparison in a search of so many people is rarer than the data show.
  const few = own && (points.at(-1)?.fmr ?? 1) * people * strictness.value > 1;
  const busy = job !== null && pending(job);
  useEffect(() => {
    if (!busy) return;
    const look = async () => {
      const now = await body(api.GET("/v1/jobs/{job}", { params: { path: { job: job.id } } }));
      setJob(now);
      if (now.state === "done") {
        say(t("calibrate.done"));
        again();
      }
    };
    const timer = setInterval(() => void look().catch(fail), 700);
    return () => clearInterval(timer);
  }, [busy, job?.id]);
  return (
    <>
      {few && (
        <p class="notice">
          <OutcomeIcon of="review" /> {t("calibrate.few", { n: people })}
        </p>
      )}
      {drift.map((one) => (
        <p key={one} class="notice">
          <OutcomeIcon of="review" /> {coded("calibrate.drift", one) ?? one}
        </p>
      ))}
      {may("admin") && (
        <div class="actions">
          <button class="button" disabled={busy} onClick={() => void body(api.POST("/v1/galleries/{gallery}/calibration", { params: { path } })).then(setJob, fail)}>
            <Icon name="trust" /> {t("calibrate.now")}
          </button>
          {own && (
            <Sure onSure={() => void api.DELETE("/v1/galleries/{gallery}/calibration", { params: { path } }).then(again, fail)}>{t("calibrate.back")}</Sure>
          )}
          <span class="small soft">{t(own ? "calibrate.own" : "calibrate.shipped")}</span>
        </div>
      )}
      {busy && <Working label={t("calibrate.running")} {...(job.progress ?? {})} since={Date.parse(job.made)} />}
      {job?.state === "failed" && (
        <p class="notice error">
          <OutcomeIcon of="error" /> {job.error}
        </p>
      )}
    </>
  );
}
