// The person's name as entered in this browser, or else a made-up guest name, the same on every visit. The agent
// remembers people by it.

const NAME = "daredevil.user-name";
const GUEST = "daredevil.user";

export class Who {
  // `field` is where the name is written, within `label`: shown if the server accepts names (`areBelieved`).
  constructor(field, label) {
    Object.assign(this, { field, label });
    this.areBelieved = false;
    this.guest = guestId();
    field.value = keptName();
    field.addEventListener("change", () => keep(NAME, this.name));
  }

  get name() {
    return this.field.value.trim().replace(/\s+/g, " ");
  }

  // A name applies to the calls that begin after it: it can only be changed between calls.
  show(isLive) {
    this.label.hidden = !this.areBelieved || isLive;
  }

  // For a hello; a server that does not accept names uses a token, or treats the person as anonymous.
  fields() {
    const { name } = this;
    return name ? { user_id: name, name } : { user_id: this.guest };
  }
}

function keptName() {
  try {
    return localStorage.getItem(NAME) ?? "";
  } catch {
    return "";
  }
}

function keep(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // a browser without storage: known during this visit only
  }
}

function guestId() {
  let known = null;
  try {
    known = localStorage.getItem(GUEST);
  } catch {
    // a browser without storage: a new guest each time
  }
  if (known) return known;
  const made = `guest-${Array.from(crypto.getRandomValues(new Uint8Array(6)), (b) => b.toString(16).padStart(2, "0")).join("")}`;
  keep(GUEST, made);
  return made;
}
