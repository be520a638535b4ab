export type {
  AnyProtocol,
  ChatOptions,
  DeleteOptions,
  EditOptions,
  HistoryOptions,
  HistoryPage,
  ListedRestriction,
  ListedRoom,
  ListOptions,
  LogMessage,
  Published,
  PublishOptions,
  ReactOptions,
  RestrictionList,
  RestrictionOptions,
  RoomChat,
  RoomList,
  Snapshot,
} from './api/api.js'
export type { Position, PresentUser } from './api/contracts/backplane.js'
export { RoomfulError } from './api/contracts/roomful-error.js'
export { createRest } from './rest/create-rest.js'
export type { Rest, RestOptions, RestRoom, RestRoomInfo, RestUser, RoomMembers } from './rest/rest-api.js'
