// Groups of people from a table: a person and a group on each line.

/** Read lines of person and group, separated by comma, semicolon or tab; a header is left out. */
export function labelsOf(text: string): Record<string, string> {
  if (/[\0\uFFFD]/.test(text)) return {}; // no text
  const rows = text
    .replace(/^\uFEFF/, "")
    .split(/\r?\n/)
    .filter((line) => line.trim())
    .map(cells);
  const heads = rows[0]?.map((cell) => cell.toLowerCase()) ?? [];
  const person = heads.findIndex((head) => head === "person" || head === "name");
  const group = heads.findIndex((head) => head === "group" || head === "label");
  const headed = person >= 0 && group >= 0;
  const found: Record<string, string> = {};
  for (const row of headed ? rows.slice(1) : rows) {
    const [who, label] = [row[headed ? person : 0], row[headed ? group : 1]];
    if (who && label) found[who] = label;
  }
  return found;
}

function cells(line: string): string[] {
  const mark = ["\t", ";", ","].find((one) => line.includes(one)) ?? ",";
  const found = [""];
  let quoted = false;
  for (let i = 0; i < line.length; i++) {
    const letter = line[i] as string;
    if (letter === '"' && quoted && line[i + 1] === '"') {
      found[found.length - 1] += '"';
      i++;
    } else if (letter === '"') quoted = !quoted;
    else if (letter === mark && !quoted) found.push("");
    else found[found.length - 1] += letter;
  }
  return found.map((cell) => cell.trim());
}
