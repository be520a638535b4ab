export const closeReason = (code: number): string => `Closed with code ${code}`

export const errorMessage = (code: string): string => code
