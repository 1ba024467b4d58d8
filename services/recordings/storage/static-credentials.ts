import { NoCredentials, type Credentials, type CredentialSource } from "./credentials.ts";

/** A secret that is kept up to date by whoever holds it. */
interface Secret {
  current(): string;
}

/** Keys in two files, for S3-compatible storage. They are looked at again while the service runs. */
export class StaticCredentials implements CredentialSource {
  private readonly accessKeyId: Secret;
  private readonly secretAccessKey: Secret;

  constructor(accessKeyId: Secret, secretAccessKey: Secret) {
    this.accessKeyId = accessKeyId;
    this.secretAccessKey = secretAccessKey;
  }

  current(): Promise<Credentials> {
    const accessKeyId = this.accessKeyId.current();
    const secretAccessKey = this.secretAccessKey.current();
    return accessKeyId === "" || secretAccessKey === ""
      ? Promise.reject(new NoCredentials("a key's file is empty"))
      : Promise.resolve({ accessKeyId, secretAccessKey });
  }
}
