/** What requests are signed with. */
export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** Where credentials come from. */
export interface CredentialSource {
  /** Credentials that are good for a link's life at least. @throws NoCredentials */
  current(): Promise<Credentials>;
}

/** There are none at the moment; the message holds no secret. */
export class NoCredentials extends Error {}
