// Changes of people that can be undone for 30 days, also after the page was closed.
import { api, body } from "../api/client";
import { gallery, may } from "../api/session";
import { did, fail, go, say } from "../state";
import { moment, t } from "../words";
import { Icon } from "./icon";
import { Show, useLoad } from "./states";

const stepsOf = (name: string) => body(api.GET("/v1/galleries/{gallery}/steps", { params: { path: { gallery: name } } }));

async function takeBack(name: string, step: number): Promise<void> {
  const person = await body(api.POST("/v1/galleries/{gallery}/steps/{step}/undo", { params: { path: { gallery: name, step } } }));
  say(t("steps.undone", { name: person.name }));
  if (location.hash.startsWith("#/people/")) go("people", person.id);
}

/** Say what was done, and offer to undo it: the latest step of this gallery. */
export async function didStep(label: string, then: () => void): Promise<void> {
  const name = gallery.value;
  const [latest] = await stepsOf(name);
  if (latest) did(label, () => takeBack(name, latest.id).then(then, fail));
  else say(label);
}

/** The list of such changes, closed until somebody asks for it. */
export function Steps({ onUndone }: { onUndone: () => void }) {
  const [found, again] = useLoad(() => stepsOf(gallery.value), [gallery.value]);
  if (found.state !== "done" || !found.value.length) return null;
  return (
    <details class="steps">
      <summary>
        <Icon name="undo" /> {t("steps.title", { n: found.value.length })}
      </summary>
      <Show of={found} again={again}>
        {(steps) => (
          <ul class="cards" aria-label={t("steps.title", { n: steps.length })}>
            {steps.map((one) => (
              <li key={one.id} class="actions small">
                <span class="grow">
                  {t(`steps.${one.act}`, { person: one.person, before: one.before ?? "", n: one.templates })} <span class="soft">{moment(one.at)}</span>
                </span>
                <span class="soft">{t("steps.until", { when: moment(one.until) })}</span>
                {may("enrol") && (
                  <button class="button tight" onClick={() => void takeBack(gallery.value, one.id).then(() => { again(); onUndone(); }, fail)}>
                    <Icon name="undo" /> {t("undo")}
                  </button>
                )}
              </li>
            ))}
          </ul>
        )}
      </Show>
    </details>
  );
}
