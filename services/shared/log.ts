/** One line of JSON per event on standard output. */
export interface Log {
  info(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
}

/** What else is known of an event. Never a token, a key, a query string or a header. */
export type Fields = Readonly<Record<string, string | number | boolean | readonly string[]>>;

/** A log whose every line names the service and its region. */
export function createLog(service: string, region: string, write: (line: string) => void): Log {
  const line = (level: string, message: string, fields: Fields = {}): void => {
    const event = { time: new Date().toISOString(), level, service, region, message, ...fields };
    write(`${JSON.stringify(event)}\n`);
  };
  return {
    info: (message, fields) => {
      line("info", message, fields);
    },
    error: (message, fields) => {
      line("error", message, fields);
    },
  };
}
