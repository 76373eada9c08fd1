import { galleries, gallery, governed, purpose } from "../api/session";
import { t } from "../words";

/** The gallery that all screens use, and for a governed one the purpose of searches. */
export function GalleryChoice() {
  return (
    <>
      <select class="entry" aria-label={t("gallery.choose")} value={gallery.value} onChange={(event) => (gallery.value = event.currentTarget.value)}>
        {galleries.value.map((one) => (
          <option key={one.name} value={one.name}>
            {one.name}
          </option>
        ))}
      </select>
      {governed.value && (
        <input
          class="entry wide-only"
          style={{ maxWidth: "11rem" }}
          aria-label={t("gallery.purpose")}
          placeholder={t("gallery.purpose")}
          value={purpose.value}
          onChange={(event) => (purpose.value = event.currentTarget.value.trim())}
        />
      )}
    </>
  );
}
