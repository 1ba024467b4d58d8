/** What a page says. */
export interface Page {
  readonly status: number;
  readonly title: string;
  readonly text: string;
  /** Seconds after which it is worth another try, which a browser then makes by itself. */
  readonly retrySeconds?: number;
}

const NOT_FOUND: Page = {
  status: 404,
  title: "Not found",
  text: "There is nothing at this address.",
};

/** What a caller reads whom Meet denies, by Meet's status. */
export const DENIED_PAGES: Readonly<Record<400 | 401 | 403 | 404 | 429, Page>> = {
  400: { status: 400, title: "Not a recording", text: "There is no recording of that kind." },
  401: {
    status: 401,
    title: "Please sign in",
    text: "Sign in to Meet in this browser, then open the link again.",
  },
  403: {
    status: 403,
    title: "Not allowed",
    text: "You may not have this file, or it has not been saved yet.",
  },
  404: NOT_FOUND,
  429: { status: 429, title: "Too many requests", text: "Please try again in a moment." },
};

/** The pages of this service's own answers. */
export const PAGES = {
  notFound: NOT_FOUND,
  deleted: { status: 404, title: "Deleted", text: "This file was deleted." },
  missing: {
    status: 404,
    title: "Not here yet",
    text:
      "This file is on its way, or is no longer kept. A recording can take some minutes to " +
      "arrive after it ended. This page tries again by itself.",
    retrySeconds: 30,
  },
  storageAway: {
    status: 503,
    title: "Not available at the moment",
    text: "The storage does not answer. Your file is kept. This page tries again by itself.",
    retrySeconds: 15,
  },
  meetAway: {
    status: 503,
    title: "Not available at the moment",
    text:
      "Meet could not be asked whether you may have this file. It is kept. " +
      "This page tries again by itself.",
    retrySeconds: 15,
  },
  busy: {
    status: 503,
    title: "Too many downloads",
    text: "Too many downloads are under way. This page tries again by itself.",
    retrySeconds: 5,
  },
  notDeletedStorage: {
    status: 503,
    title: "Not deleted",
    text: "The storage does not answer. Nothing was deleted. Please try again later.",
  },
  notDeletedMeet: {
    status: 503,
    title: "Not deleted",
    text: "Meet does not answer. Nothing was deleted. Please try again later.",
  },
  deletionUnknown: {
    status: 504,
    title: "Perhaps deleted",
    text: "Meet was asked to delete the recording and did not answer. Please try again.",
  },
  method: { status: 405, title: "Not possible", text: "Files can only be fetched here." },
  broken: { status: 500, title: "Something went wrong", text: "The request failed." },
} as const satisfies Readonly<Record<string, Page>>;

/** A page in HTML. It holds nothing of the request. */
export function html(page: Page): string {
  const refresh =
    page.retrySeconds === undefined
      ? ""
      : `<meta http-equiv="refresh" content="${page.retrySeconds}">`;
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width">${refresh}
<title>${page.title}</title>
<style>body{font-family:system-ui,sans-serif;max-width:36rem;margin:20vh auto;padding:0 1rem}</style>
</head>
<body><h1>${page.title}</h1><p>${page.text}</p></body>
</html>
`;
}
