import { fileNames, type Split } from "../mnist/file-names.ts";
import { LabelledDigits, type NamedBytes } from "../mnist/labelled-digits.ts";

/** Fetches the digits of MNIST from a folder's URL. `onProgress` is told how many bytes have come, of how many. */
export async function fetchDigits(
  folder: string,
  onProgress: (loaded: number, total: number) => void,
): Promise<{ train: LabelledDigits; test: LabelledDigits }> {
  const splits: readonly Split[] = ["train", "test"];
  const responses = await Promise.all(splits.flatMap(fileNames).map((name) => open(new URL(name, folder))));
  const total = responses.reduce((sum, r) => sum + Number(r.headers.get("content-length") ?? 0), 0);
  let loaded = 0;
  const more = (bytes: number): void => onProgress((loaded += bytes), total);
  const files: NamedBytes[] = [];
  for (const response of responses) files.push(await download(response, more));
  const [trainImages, trainLabels, testImages, testLabels] = files as [NamedBytes, NamedBytes, NamedBytes, NamedBytes];
  return { train: LabelledDigits.parse(trainImages, trainLabels), test: LabelledDigits.parse(testImages, testLabels) };
}

async function open(url: URL): Promise<Response> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url.href} cannot be fetched: ${response.status} ${response.statusText}`.trimEnd());
  return response;
}

async function download(response: Response, more: (bytes: number) => void): Promise<NamedBytes> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  const reader = response.body!.getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    parts.push(part.value);
    more(part.value.length);
  }
  return { name: response.url, bytes: new Uint8Array(await new Blob(parts).arrayBuffer()) };
}
