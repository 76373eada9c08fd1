// Where a person was seen, and with whom that person is mixed up.
import { api, body } from "../api/client";
import { gallery } from "../api/session";
import type { PersonDetails } from "../api/types";
import { clock, day, number, t } from "../words";
import { Command } from "./command";
import { Icon } from "./icon";
import { Portrait } from "./portrait";
import { curl } from "./shell";
import { Show, useLoad } from "./states";

/** Films, photos of albums and cameras in which a person was seen. */
export function Seen({ person }: { person: PersonDetails }) {
  const path = { gallery: gallery.value, person: person.id };
  const [found, again] = useLoad(() => body(api.GET("/v1/galleries/{gallery}/people/{person}/seen", { params: { path } })), [person.id]);
  return (
    <section class="cards part">
      <h2>{t("seen.title")}</h2>
      <p class="small soft">{t("seen.text")}</p>
      <Show of={found} again={again}>
        {({ films, photos, cameras }) =>
          films.length + photos.length + cameras.length === 0 ? (
            <p>{t("seen.none")}</p>
          ) : (
            <>
              {films.length > 0 && (
                <ul class="cards" aria-label={t("nav.films")}>
                  {films.map((one) => (
                    <li key={one.film} class="actions">
                      <Icon name="films" />
                      <a href={`#/films/${one.film}/${one.first}`}>{one.name}</a>
                      <span class="small soft">
                        {t("seen.film", { at: clock(one.first), s: number(one.seconds, 1) })} · {day(one.at)}
                      </span>
                    </li>
                  ))}
                </ul>
              )}
              {photos.length > 0 && (
                <ul class="chips" aria-label={t("seen.photos")}>
                  {photos.map((one) => (
                    <li key={`${one.album}/${one.face}`}>
                      <a href={`#/review/album/${one.album}`} title={one.name}>
                        <img class="face" src={`/v1/albums/${one.album}/faces/${one.face}/picture`} alt={one.name} loading="lazy" />
                      </a>
                    </li>
                  ))}
                </ul>
              )}
              {cameras.map((one) => (
                <p key={one.camera} class="actions">
                  <Icon name="camera" /> {one.camera} <span class="small soft">{day(one.at)}</span>
                </p>
              ))}
              <Command line={curl(`/v1/galleries/${gallery.value}/people/${person.id}/seen`)} />
            </>
          )
        }
      </Show>
    </section>
  );
}

/** "Often mixed up with": the people who are most similar. */
export function Similar({ person }: { person: PersonDetails }) {
  const path = { gallery: gallery.value, person: person.id };
  const [found, again] = useLoad(() => body(api.GET("/v1/galleries/{gallery}/people/{person}/similar", { params: { path } })), [person.id, person.templates]);
  return (
    <section class="cards part">
      <h2>{t("similar.title")}</h2>
      <Show of={found} again={again}>
        {(people) =>
          people.length ? (
            <>
              <ul class="cards">
                {people.map(({ person: other, one_in, settled }) => (
                  <li key={other.id} class="card actions">
                    <div style={{ width: "48px" }}>
                      <Portrait person={other} />
                    </div>
                    <div class="grow">
                      <a href={`#/people/${other.id}`}>
                        <b>{other.name}</b>
                      </a>
                      <p class="small soft">
                        {one_in == null ? t("similar.plain") : t("similar.rare", { n: number(one_in) })}
                        {settled && ` ${t("similar.settled")}`}
                      </p>
                    </div>
                  </li>
                ))}
              </ul>
              <Command line={curl(`/v1/galleries/${gallery.value}/people/${person.id}/similar`)} />
            </>
          ) : (
            <p>{t("similar.none")}</p>
          )
        }
      </Show>
    </section>
  );
}
