/** What is wrong, and where in the document. */

export function Problems({ problems, role = "alert" }) {
  if (!problems.length) return null;
  return (
    <ul className="kartotek-problems" role={role}>
      {problems.map(({ message, line, column }, index) => (
        <li key={index}>
          {line && (
            <strong>
              Line {line}, column {column}:{" "}
            </strong>
          )}
          {message}
        </li>
      ))}
    </ul>
  );
}

const HEALTH = { DEPRECATED: "Deprecated", BROKEN: "Broken" };

/** Whether a report still fits the schema; nothing where it does. */
export function Health({ status, problems }) {
  if (!HEALTH[status]) return null;
  return (
    <div className="kartotek-health" data-status={status}>
      {HEALTH[status]}
      <Problems problems={problems} role="list" />
    </div>
  );
}
