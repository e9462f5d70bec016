/** Array literals for parameters of type `bigint[]`, `int[]` and `text[]`: with `unnest`, one statement takes any number of rows.
 *  Source: postgresql.org/docs/current/arrays.html#ARRAYS-IO */
export function integers(values: readonly number[]): string {
  return `{${values.join(',')}}`;
}

export function texts(values: readonly string[]): string {
  return `{${values.map((value) => `"${value.replace(/[\\"]/g, '\\$&')}"`).join(',')}}`;
}
