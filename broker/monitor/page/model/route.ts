import { validId } from '../../../../schemas/topics.ts'

/** The views that have a place of their own in the navigation. */
export const viewNames = ['road', 'fleet', 'collaboration', 'learning', 'alarms'] as const
export type ViewName = (typeof viewNames)[number]

export type Route = { readonly view: ViewName } | { readonly view: 'vehicle'; readonly vehicle: string }

/** The view that the hash of an address names; the road where it names none. */
export function routeOf(hash: string): Route {
  const [, name = '', id = ''] = hash.replace(/^#/, '').split('/')
  if (name === 'vehicle' && validId.test(id)) return { view: 'vehicle', vehicle: id }
  const view = viewNames.find((known) => known === name)
  return { view: view ?? 'road' }
}

/** The address of a vehicle's view. */
export function vehicleHash(id: string): string {
  return `#/vehicle/${id}`
}
