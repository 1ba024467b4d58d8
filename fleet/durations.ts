import { EXIT, FleetError } from "./exit.ts";

const SECONDS = { s: 1, m: 60, h: 3600, d: 86_400 } as const;

/**
 * Seconds of `90s`, `30m`, `2h` or `1d`.
 * @throws FleetError with what is wrong
 */
export function parseDuration(text: string): number {
  const [, number, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  const seconds =
    unit === "s" || unit === "m" || unit === "h" || unit === "d"
      ? Number(number) * SECONDS[unit]
      : 0;
  if (seconds < 1 || seconds > SECONDS.d) {
    throw new FleetError(
      `Duration "${text}": it is not one of 1s to 1d. Write it like 90s, 30m or 2h.`,
      EXIT.wrongUse,
    );
  }
  return seconds;
}

/** Seconds as people read them: `45 s`, `12 min`, `3 h 20 min`, `4 d`. */
export function showDuration(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 120) {
    return `${whole} s`;
  }
  const minutes = Math.round(whole / 60);
  if (minutes < 60) {
    return `${minutes} min`;
  }
  const hours = Math.floor(minutes / 60);
  if (hours >= 48) {
    return `${Math.floor(hours / 24)} d`;
  }
  return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
}
