export const answer = "ready";
