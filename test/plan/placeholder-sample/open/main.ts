export const answer = "The sample is not built yet.";
