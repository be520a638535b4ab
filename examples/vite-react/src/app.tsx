import { useState } from 'react'
import { Chat } from './chat.js'
import { LogIn } from './log-in.js'
import { logIn, logOut, myName } from './roomful.js'

export function App() {
  const [me, setMe] = useState(myName)
  if (!me)
    return (
      <LogIn
        onLogIn={(name) => {
          logIn(name)
          setMe(name)
        }}
      />
    )
  return (
    <Chat
      key={me}
      me={me}
      onLogOut={() => {
        logOut()
        setMe(null)
      }}
    />
  )
}
