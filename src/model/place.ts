/** Where a stack publishes: what its state says of another place is no news of this one. */
export interface Place {
  /** `owner/name`. */
  readonly repository: string;
  /** Image reference without a tag. */
  readonly image: string;
}

/** Whether two names are of one repository: GitHub does not tell upper from lower case. */
export function sameRepository(left: Pick<Place, "repository">, right: Pick<Place, "repository">): boolean {
  return left.repository.toLowerCase() === right.repository.toLowerCase();
}

/** Whether repository and image are the same. */
export function samePlace(left: Place, right: Place): boolean {
  return sameRepository(left, right) && left.image === right.image;
}
