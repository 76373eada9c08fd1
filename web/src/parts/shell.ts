// Commands of a shell, with names that may hold anything.

/** A text as one word of a POSIX shell. */
export function quoted(text: string): string {
  const word = text.startsWith("-") ? `./${text}` : text;
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** The command that asks the server for the same; `$KEY` is an API key. */
export const curl = (path: string) => `curl -H "Authorization: Bearer $KEY" ${quoted(location.origin + path)}`;
