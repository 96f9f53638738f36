/** What the panel asks the server. */

const PROBLEM = "code message line column";
const REPORT = `
  id name title description document visibility version
  owner { id name }
  variables { name type required }
  health { status problems { ${PROBLEM} } }
`;

export const REPORTS = `query Reports($after: String) {
  viewer { user { id } permissions { administer } }
  reports(first: 200, after: $after, orderBy: [{ name: ASC }]) {
    nodes { ${REPORT} }
    pageInfo { hasNextPage endCursor }
  }
}`;

export const SAVE_REPORT = `mutation SaveReport($input: ReportInput!, $id: ID, $expectedVersion: Int) {
  saveReport(input: $input, id: $id, expectedVersion: $expectedVersion) {
    report { ${REPORT} }
    problems { ${PROBLEM} }
  }
}`;

export const DELETE_REPORT = `mutation DeleteReport($id: ID!) {
  deleteReport(id: $id) { deletedId problems { ${PROBLEM} } }
}`;

export const REPORT_ROWS = `query ReportRows($document: String!, $variables: JSON, $after: String) {
  reportRows(document: $document, variables: $variables, first: 50, after: $after) {
    columns { path label type }
    rows
    pageInfo { hasNextPage endCursor }
    problems { ${PROBLEM} }
  }
}`;
